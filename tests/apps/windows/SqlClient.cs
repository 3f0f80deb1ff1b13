using System;
using System.Data.SqlClient;
using System.IO;
using System.Text;

// An app on Microsoft's System.Data.SqlClient with its native network library, sni.dll: .NET Core on Windows. Its argument is a
// connection string; what it has done it says in lines.
static class App
{
    static readonly StreamWriter Out = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true };

    static object Ask(SqlConnection connection, string sql, object value = null)
    {
        using (var command = new SqlCommand(sql, connection))
        {
            if (value != null)
                command.Parameters.AddWithValue("@value", value);
            return command.ExecuteScalar();
        }
    }

    static int Main(string[] settings)
    {
        try
        {
            using (var connection = new SqlConnection(settings[0]))
            {
                connection.Open();
                Out.WriteLine("in as " + Ask(connection, "select suser_sname()"));
                Out.WriteLine("counted " + Ask(connection, "select count(*) from products"));
                var long_one = new string('x', 1000000);
                Out.WriteLine("echoed " + ((string)Ask(connection, "select @value", long_one)).Length);
            }
            // The pool hands out the same connection, and resets it.
            using (var again = new SqlConnection(settings[0]))
            {
                again.Open();
                Out.WriteLine("again " + Ask(again, "select 1"));
            }
            SqlConnection.ClearAllPools();
            return 0;
        }
        catch (Exception error)
        {
            Out.WriteLine("refused: " + error.Message);
            return 1;
        }
    }
}
