// An app on System.Data.SqlClient. Its settings come from TDS_ variables; it prints what it saw as JSON.
using System;
using System.Collections.Generic;
using System.Data.SqlClient;
using System.Text;

static class WithSqlClient
{
    static readonly StringBuilder Seen = new StringBuilder();

    static void Saw(string name, object value)
    {
        var text = Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture);
        text = text.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\r", "").Replace("\n", "\\n");
        Seen.Append(Seen.Length == 0 ? "{" : ",").Append('"').Append(name).Append("\":\"").Append(text).Append('"');
    }

    static object Scalar(SqlConnection connection, string sql, SqlTransaction transaction = null)
    {
        using (var command = new SqlCommand(sql, connection, transaction))
            return command.ExecuteScalar();
    }

    static void Main(string[] args)
    {
        if (args.Length == 1)
        {
            using (var connection = new SqlConnection(args[0]))
            {
                connection.Open();
                Console.WriteLine(Scalar(connection, "select count(*) from products"));
            }
            return;
        }
        Func<string, string> env = Environment.GetEnvironmentVariable;
        var builder = new SqlConnectionStringBuilder
        {
            DataSource = env("TDS_HOST") + "," + env("TDS_PORT"),
            UserID = env("TDS_USER"),
            Password = env("TDS_PASSWORD"),
            InitialCatalog = "shop",
            Encrypt = env("TDS_ENCRYPT") == "on",
            TrustServerCertificate = true,
            MultipleActiveResultSets = env("TDS_MARS") == "on",
            MaxPoolSize = 2,
            ConnectTimeout = 20,
            ConnectRetryInterval = 1,
            PacketSize = int.Parse(env("TDS_PACKET_SIZE") ?? "8000"),
        };
        try
        {
            Talk(builder.ConnectionString, builder.MultipleActiveResultSets && env("TDS_MARS_USED") != "no");
        }
        catch (SqlException error)
        {
            Saw("refused", error.Number + " " + error.Message);
        }
        catch (InvalidOperationException error)
        {
            Saw("failed", error.Message);
        }
        Console.WriteLine(Seen.Append('}'));
    }

    static void Talk(string settings, bool mars)
    {
        var spids = new HashSet<object>();
        for (var round = 0; round < 5; round++)
            using (var connection = new SqlConnection(settings))
            {
                connection.Open();
                spids.Add(Scalar(connection, "select @@spid"));
            }
        Saw("pooled", spids.Count);
        using (var connection = new SqlConnection(settings))
        {
            connection.Open();
            var rows = new StringBuilder();
            using (var command = new SqlCommand("select top 2 name, price, organic from products where id > @id order by id", connection))
            {
                command.Parameters.AddWithValue("@id", 1);
                using (var reader = command.ExecuteReader())
                    while (reader.Read())
                        rows.Append(reader.GetString(0)).Append('|').Append(reader.GetDecimal(1)).Append('|').Append(reader.GetBoolean(2)).Append(';');
            }
            Saw("rows", rows);
            Scalar(connection, "create table #t (id int identity(1,1) primary key, name nvarchar(max), n int)");
            using (var transaction = connection.BeginTransaction())
            {
                Scalar(connection, "insert into #t (name) values ('lost')", transaction);
                transaction.Rollback();
            }
            var table = new System.Data.DataTable();
            table.Columns.Add("name", typeof(string));
            table.Columns.Add("n", typeof(int));
            for (var number = 0; number < 500; number++)
                table.Rows.Add("name " + number, number);
            using (var bulk = new SqlBulkCopy(connection) { DestinationTableName = "#t" })
            {
                bulk.ColumnMappings.Add("name", "name");
                bulk.ColumnMappings.Add("n", "n");
                try { bulk.WriteToServer(table); Saw("bulk", "done"); }
                catch (Exception error) { Saw("bulk", error.Message); }
            }
            Saw("kept", Scalar(connection, "select count(*) from #t"));
            if (mars)
            {
                var total = 0;
                using (var command = new SqlCommand("select id from products order by id", connection))
                using (var reader = command.ExecuteReader())
                    while (reader.Read())
                        total += (int)Scalar(connection, "select count(*) from orders where product_id = " + reader.GetInt32(0));
                Saw("mars", total);
            }
            // Under mono a timeout ends a connection without MARS: its stream can't be read any more.
            if (mars) try
            {
                using (var command = new SqlCommand("waitfor delay '00:10:00'", connection) { CommandTimeout = 1 })
                    command.ExecuteNonQuery();
            }
            catch (SqlException error) { Saw("cancelled", error.Number); }
            try { Scalar(connection, "select * from nowhere"); }
            catch (SqlException error) { Saw("error", error.Number + " " + error.Message); }
        }
    }
}
