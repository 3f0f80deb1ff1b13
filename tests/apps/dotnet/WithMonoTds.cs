// An app on Mono.Data.Tds, which mono's own SqlClient was made of: TDS 7.0 and 8.0 (7.1). It prints what it saw as JSON.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using System.Threading;
using Mono.Data.Tds;
using Mono.Data.Tds.Protocol;

static class WithMonoTds
{
    static readonly StringBuilder Seen = new StringBuilder();
    static readonly List<string> Errors = new List<string>();

    static string Quoted(object value)
    {
        if (value == null || value is DBNull)
            return "null";
        var bytes = value as byte[];
        var text = bytes != null
            ? BitConverter.ToString(bytes).Replace("-", "").ToLowerInvariant()
            : value is bool ? ((bool)value ? "1" : "0")
            : value is DateTime ? ((DateTime)value).ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture)
            : Convert.ToString(value, CultureInfo.InvariantCulture);
        var json = new StringBuilder("\"");
        foreach (var unit in text)
            if (unit == '"' || unit == '\\')
                json.Append('\\').Append(unit);
            else if (unit < ' ')
                json.AppendFormat("\\u{0:x4}", (int)unit);
            else
                json.Append(unit);
        return json.Append('"').ToString();
    }

    static void SawRaw(string name, string json)
    {
        Seen.Append(Seen.Length == 0 ? "{" : ",").Append(Quoted(name)).Append(':').Append(json);
    }

    // What a part of the app throws is what it saw, and the next one goes on.
    static void Part(string name, Func<string> part)
    {
        try { SawRaw(name, part()); }
        catch (Exception error) { SawRaw(name + " failed", Quoted(error.ToString())); }
    }

    static void Main(string[] args)
    {
        var tds = Make();
        try
        {
            if (tds.Connect(Settings()))
                Talk(tds);
            else
                SawRaw("refused", Quoted(string.Join("; ", Errors)));
        }
        catch (Exception error)
        {
            SawRaw("refused", Quoted(string.Join("; ", Errors) + error));
        }
        Console.OutputEncoding = new UTF8Encoding(false);
        Console.WriteLine(Seen.Append('}'));
    }

    static Tds Make()
    {
        Func<string, string> env = Environment.GetEnvironmentVariable;
        var port = int.Parse(env("TDS_PORT"));
        Tds tds = env("TDS_VERSION") == "7.0"
            ? new Tds70(env("TDS_HOST"), port, 4096, 15)
            : new Tds80(env("TDS_HOST"), port, 4096, 15);
        tds.TdsErrorMessage += (sender, error) => Errors.Add(error.Number + " " + error.Message);
        return tds;
    }

    static TdsConnectionParameters Settings()
    {
        Func<string, string> env = Environment.GetEnvironmentVariable;
        var settings = new TdsConnectionParameters { User = env("TDS_USER"), Database = "shop" };
        settings.Password = Secure(env("TDS_PASSWORD"));
        return settings;
    }

    // A column of the view, on a connection of its own: what the driver cannot read, it leaves half read.
    static string Column(string name)
    {
        var tds = Make();
        try
        {
            tds.Connect(Settings());
            return Query(tds, "select " + name + " from dbo.every_type order by id");
        }
        catch (Exception error) { return Quoted(error.GetType().Name + " " + error.Message); }
        finally { tds.Disconnect(); }
    }

    static System.Security.SecureString Secure(string text)
    {
        var secure = new System.Security.SecureString();
        foreach (var unit in text)
            secure.AppendChar(unit);
        return secure;
    }

    // All results of a text, as JSON: rows by column.
    static string Query(Tds tds, string sql, TdsMetaParameterCollection parameters = null, int timeout = 30)
    {
        Errors.Clear();
        tds.Execute(sql, parameters, timeout, true);
        return Results(tds);
    }

    static string Results(Tds tds)
    {
        var results = new List<string>();
        while (tds.NextResult())
        {
            var rows = new List<string>();
            while (tds.NextRow())
            {
                var cells = new List<string>();
                for (var at = 0; at < tds.Columns.Count; at++)
                {
                    var name = tds.Columns[at].ColumnName;
                    cells.Add(Quoted(string.IsNullOrEmpty(name) ? at.ToString() : name) + ":" + Quoted(tds.ColumnValues[at]));
                }
                rows.Add("{" + string.Join(",", cells) + "}");
            }
            results.Add("[" + string.Join(",", rows) + "]");
        }
        return "[" + string.Join(",", results) + "]";
    }

    static void Talk(Tds tds)
    {
        Part("rows", () => Query(tds, "select top 2 name, price, organic from products where id > 1 order by id"));
        Part("parameters", () => Query(tds, "select @text + N'é', @nothing", new TdsMetaParameterCollection
        {
            new TdsMetaParameter("@text", "nvarchar", "naïve 漢字") { Size = 20 },
            new TdsMetaParameter("@nothing", "int", DBNull.Value),
        }));
        Part("prepared", () =>
        {
            var parameters = new TdsMetaParameterCollection { new TdsMetaParameter("@id", "int", 3) };
            var handle = tds.Prepare("select name from products where id = @id", parameters);
            tds.ExecPrepared(handle, parameters, 30, true);
            var results = Results(tds);
            tds.Unprepare(handle);
            return results;
        });
        var columns = new List<string>();
        foreach (var name in Environment.GetEnvironmentVariable("TDS_COLUMNS").Split(','))
            columns.Add(Quoted(name) + ":" + Column(name));
        SawRaw("every", "{" + string.Join(",", columns) + "}");
        Part("kept", () =>
        {
            Query(tds, "create table #t (id int identity(1,1) primary key, name nvarchar(max), n int)");
            Query(tds, "begin transaction");
            Query(tds, "insert into #t (name) values ('lost')");
            Query(tds, "rollback transaction");
            Query(tds, "insert into #t (name) values (N'" + string.Concat(System.Linq.Enumerable.Repeat("naïve 漢字, ", 10000)) + "')");
            return Query(tds, "select name from #t");
        });
        Part("sets", () => Query(tds, "select 1; select N'two', null; select id from products where id = 0; select 3"));
        Part("error", () =>
        {
            Query(tds, "select * from nowhere");
            return Quoted(string.Join("; ", Errors));
        });
        Part("cancelled", () =>
        {
            Errors.Clear();
            try { Query(tds, "waitfor delay '00:10:00'", null, 1); }
            catch (TdsTimeoutException error) { return Quoted(error.Message); }
            return Quoted(string.Join("; ", Errors));
        });
    }
}
