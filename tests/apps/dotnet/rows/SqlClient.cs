using System;
using System.Collections.Generic;
using System.Data;
using System.Data.SqlClient;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Threading.Tasks;

// An app on System.Data.SqlClient: under mono, and on .NET Core.
class SqlClient : App
{
    readonly string table = "things_" + Guid.NewGuid().ToString("N");
    readonly string settings;
    SqlConnection connection;

    SqlClient(string settings) { this.settings = settings; }

    // Its argument says how its user trusts an authority, which is no setting of the driver.
    static void Main(string[] trusts)
    {
        Say("driver", "System.Data.SqlClient " + Version() + ", " + RuntimeInformation.FrameworkDescription.Split('(')[0]);
        var tls = Setting();
        Say("setting", Tls == "verified" ? tls + ", " + trusts[0] : tls);
        var settings = "Server=tcp:" + Host + "," + Port + ";Database=" + Database + ";User ID=" + User + ";Password=" + Password + ";" + tls;
        new SqlClient(settings).Tell();
    }

    static string Setting()
    {
        switch (Tls)
        {
            case "off": return "Encrypt=false";
            case "asks": return "Encrypt=true";
            case "trusting": return "Encrypt=true;TrustServerCertificate=true";
            case "verified": return "Encrypt=true";
            default: return "";
        }
    }

    static string Version()
    {
        return typeof(SqlConnection).Assembly.GetCustomAttribute<AssemblyFileVersionAttribute>().Version;
    }

    void Tell()
    {
        try
        {
            connection = Open();
        }
        catch (SqlException error)
        {
            Refused(error);
            return;
        }
        using (connection)
        {
            Check(1, Scalar(connection, "select 1"));
            Did("connect");
            Execute("create table " + table + " (id int not null primary key, name nvarchar(max) null, price decimal(10, 2) null, "
                + "made datetime2 null, content varbinary(max) null)");
            if (Whole)
            {
                Did("create");
                TellWhole();
            }
            else
            {
                Parameters();
                Large();
                Error();
                Execute("drop table " + table);
            }
        }
    }

    void TellWhole()
    {
        Parameters();
        Prepared();
        Rollback();
        Large();
        Nulls();
        Unicode();
        Batch();
        Error();
        Cancel();
        Use();
        Did("pool");
        Metadata();
        Execute("drop table " + table);
        Restart("proxy");
        Restart("upstream");
    }

    void Parameters()
    {
        var made = new DateTime(2026, 1, 2, 3, 4, 5);
        Check(1, Insert("id", 1, "name", "olive oil", "price", 14.50m, "made", made));
        using (var command = new SqlCommand("select * from " + table + " where price > @price and name = @name", connection))
        {
            command.Parameters.AddWithValue("price", 14.49m);
            command.Parameters.AddWithValue("name", "olive oil");
            using (var row = command.ExecuteReader())
            {
                Check(true, row.Read());
                Check(1, row["id"]);
                Check("olive oil", row["name"]);
                Check(14.50m, row["price"]);
                Check(made, row["made"]);
                Check(DBNull.Value, row["content"]);
                Check(false, row.Read());
            }
        }
        Did("parameters");
    }

    void Prepared()
    {
        using (var command = new SqlCommand("select id + @more from " + table + " where id = @id", connection))
        {
            var more = command.Parameters.Add("more", SqlDbType.Int);
            command.Parameters.Add("id", SqlDbType.Int).Value = 1;
            command.Prepare();
            for (var round = 0; round < 20; round++)
            {
                more.Value = round;
                Check(round + 1, command.ExecuteScalar());
            }
        }
        Did("prepared");
    }

    void Rollback()
    {
        using (var transaction = connection.BeginTransaction())
        {
            Insert(transaction, "id", 2, "name", "lost");
            Check(2, Scalar(connection, "select count(*) from " + table, transaction));
            transaction.Rollback();
        }
        Check(1, Scalar(connection, "select count(*) from " + table));
        using (var transaction = connection.BeginTransaction())
        {
            Insert(transaction, "id", 2, "name", "kept");
            transaction.Commit();
        }
        Check(2, Scalar(connection, "select count(*) from " + table));
        Did("rollback");
    }

    void Large()
    {
        var content = new byte[5000000];
        new Random(1).NextBytes(content);
        Check(1, Insert("id", 3, "content", content));
        Check(true, content.SequenceEqual((byte[])Scalar(connection, "select content from " + table + " where id = 3")));
        Did("large");
    }

    void Nulls()
    {
        Check(1, Insert("id", 4, "name", DBNull.Value, "price", DBNull.Value, "made", DBNull.Value));
        using (var command = new SqlCommand("select name, price, made, content from " + table + " where id = 4", connection))
        using (var row = command.ExecuteReader())
        {
            Check(true, row.Read());
            for (var column = 0; column < 4; column++)
                Check(true, row.IsDBNull(column));
        }
        Did("nulls");
    }

    void Unicode()
    {
        const string greetings = "Grüße, 世界 🎉";
        Check(1, Insert("id", 5, "name", greetings));
        Check(greetings, Scalar(connection, "select name from " + table + " where id = 5"));
        Did("unicode");
    }

    void Batch()
    {
        var things = new DataTable();
        things.Columns.Add("id", typeof(int));
        things.Columns.Add("name", typeof(string));
        for (var id = 1000; id < 1500; id++)
            things.Rows.Add(id, "thing " + id);
        using (var bulk = new SqlBulkCopy(connection) { DestinationTableName = table })
        {
            bulk.ColumnMappings.Add("id", "id");
            bulk.ColumnMappings.Add("name", "name");
            bulk.WriteToServer(things);
        }
        Check(500, Scalar(connection, "select count(*) from " + table + " where id >= 1000"));
        Did("batch");
    }

    void Error()
    {
        try
        {
            Execute("select * from nowhere");
            throw new InvalidOperationException("a table that is not there was read");
        }
        catch (SqlException error)
        {
            Check(208, error.Number);
        }
        Check(1, Scalar(connection, "select 1"));
        Did("error");
    }

    void Cancel()
    {
        using (var command = new SqlCommand("waitfor delay '0:10:00'", connection) { CommandTimeout = 1 })
            try
            {
                command.ExecuteNonQuery();
                throw new InvalidOperationException("it was expected to fail");
            }
            catch (SqlException)
            {
                // Under mono it ends the connection.
            }
        Reconnect();
        Did("cancel");
    }

    // Ten connections of the pool, each taken ten times. The driver itself asks whether one still works.
    void Use()
    {
        var pooled = settings + ";Max Pool Size=10";
        Parallel.For(0, 100, new ParallelOptions { MaxDegreeOfParallelism = 10 }, number =>
        {
            using (var own = new SqlConnection(pooled))
            {
                own.Open();
                Check(number, Scalar(own, "select " + number));
            }
        });
    }

    void Metadata()
    {
        var tables = connection.GetSchema("Tables", new[] { null, null, table, "BASE TABLE" });
        Check(table, tables.Rows[0]["TABLE_NAME"]);
        var columns = connection.GetSchema("Columns", new[] { null, null, table }).Rows.Cast<DataRow>();
        var names = columns.OrderBy(row => row["ORDINAL_POSITION"]).Select(row => row["COLUMN_NAME"]);
        Check("id name price made content", string.Join(" ", names));
        Did("metadata");
    }

    void Restart(string whose)
    {
        AwaitRestart(whose);
        Insist(Reconnect);
        Insist(Use);
        Did(whose + " restart");
    }

    // As apps do it before they go on: what is closed is opened.
    void Reconnect()
    {
        if (connection.State != ConnectionState.Open)
            connection = Open();
        Check(1, Scalar(connection, "select 1"));
    }

    SqlConnection Open()
    {
        var opened = new SqlConnection(settings);
        opened.Open();
        return opened;
    }

    void Execute(string sql)
    {
        using (var command = new SqlCommand(sql, connection))
            command.ExecuteNonQuery();
    }

    int Insert(params object[] columnsAndValues) { return Insert(null, columnsAndValues); }

    int Insert(SqlTransaction transaction, params object[] columnsAndValues)
    {
        var columns = columnsAndValues.Where((_, at) => at % 2 == 0).Cast<string>().ToList();
        var sql = "insert into " + table + " (" + string.Join(", ", columns) + ") values (@" + string.Join(", @", columns) + ")";
        using (var command = new SqlCommand(sql, connection, transaction))
        {
            for (var at = 0; at < columns.Count; at++)
                command.Parameters.AddWithValue(columns[at], columnsAndValues[2 * at + 1]);
            return command.ExecuteNonQuery();
        }
    }

    static object Scalar(SqlConnection connection, string sql, SqlTransaction transaction = null)
    {
        using (var command = new SqlCommand(sql, connection, transaction))
            return command.ExecuteScalar();
    }
}
