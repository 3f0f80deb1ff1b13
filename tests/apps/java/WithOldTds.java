// An app on jTDS, as those wrote that had it. Each argument is a URL; for each it prints a line of JSON with what it saw.

import java.io.ByteArrayInputStream;
import java.io.StringReader;
import java.math.BigDecimal;
import java.sql.Blob;
import java.sql.CallableStatement;
import java.sql.Clob;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;

public class WithOldTds {
    static final int CLOB = 100_000;
    static final int BLOB = 300_000;
    static StringBuilder seen = new StringBuilder();

    static String quoted(Object value) {
        if (value == null) return "null";
        StringBuilder text = new StringBuilder("\"");
        for (char unit : String.valueOf(value).toCharArray()) {
            if (unit == '"' || unit == '\\') text.append('\\').append(unit);
            else if (unit < ' ') text.append(String.format("\\u%04x", (int) unit));
            else text.append(unit);
        }
        return text.append('"').toString();
    }

    static void sawRaw(String name, String json) {
        seen.append(seen.length() == 0 ? "{" : ",").append(quoted(name)).append(':').append(json);
    }

    static void saw(String name, Object value) {
        sawRaw(name, quoted(value));
    }

    /** All that an exception says. */
    static String told(SQLException error) {
        String next = error.getNextException() == null ? "" : " / " + told(error.getNextException());
        return error.getMessage() + next;
    }

    interface Part { void run() throws Exception; }

    /** What a part of the app throws is what it saw, and the next one goes on. */
    static void part(String name, Part part) {
        try {
            part.run();
        } catch (Throwable error) {
            saw(name + " failed", error.toString());
        }
    }

    public static void main(String[] urls) throws Exception {
        for (String url : urls) {
            seen = new StringBuilder();
            try (Connection connection = connect(url)) {
                queries(connection);
                part("types", () -> types(connection));
                part("batch", () -> batch(connection));
                part("savepoint", () -> savepoint(connection));
                part("large", () -> large(connection));
                part("results", () -> results(connection));
                part("output", () -> output(connection));
                part("catalog", () -> catalog(connection));
                part("errors", () -> errors(connection));
                part("cancel", () -> cancel(connection));
                part("timeout", () -> timeout(connection));
                part("pool", () -> pool(url, connection));
            } catch (SQLException error) {
                saw("refused", error.getMessage());
            }
            System.out.println(seen.append('}'));
        }
    }

    static Connection connect(String url) throws SQLException {
        return DriverManager.getConnection(url, System.getenv("TDS_USER"), System.getenv("TDS_PASSWORD"));
    }

    static String one(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(sql)) {
            if (!result.next()) return "no row";
            StringBuilder row = new StringBuilder();
            for (int column = 1; column <= result.getMetaData().getColumnCount(); column++)
                row.append(column == 1 ? "" : "|").append(result.getString(column));
            return row.toString();
        }
    }

    static void queries(Connection connection) throws SQLException {
        DatabaseMetaData server = connection.getMetaData();
        saw("driver", server.getDriverVersion());
        saw("server", server.getDatabaseProductName() + " " + server.getDatabaseMajorVersion());
        try (PreparedStatement statement = connection.prepareStatement("select top 2 name, price, organic from products where id > ? order by id")) {
            StringBuilder rows = new StringBuilder();
            for (int round = 0; round < 3; round++) {
                rows.setLength(0);
                statement.setInt(1, 1);
                try (ResultSet result = statement.executeQuery()) {
                    while (result.next())
                        rows.append(result.getString(1)).append('|').append(result.getBigDecimal(2)).append('|').append(result.getBoolean(3)).append(';');
                }
            }
            saw("rows", rows);
        }
        try (PreparedStatement statement = connection.prepareStatement("select ? + N'é', ?")) {
            statement.setString(1, "naïve 漢字 \uD83D\uDE00 ");
            statement.setNull(2, Types.INTEGER);
            try (ResultSet result = statement.executeQuery()) {
                result.next();
                saw("parameters", result.getString(1) + "|" + result.getString(2));
            }
        }
    }

    /** Each column by itself: its texts, what getObject makes of it, and getTimestamp of what looks like a moment. */
    static void types(Connection connection) throws SQLException {
        String[] names = System.getenv("TDS_COLUMNS").split(",");
        StringBuilder every = new StringBuilder();
        StringBuilder objects = new StringBuilder();
        StringBuilder moments = new StringBuilder();
        StringBuilder readable = new StringBuilder();
        for (String name : names) {
            String comma = every.length() == 0 ? "" : ",";
            try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery("select " + name + " from dbo.every_type order by id")) {
                StringBuilder values = new StringBuilder();
                while (result.next()) {
                    values.append(values.length() == 0 ? "[" : ",").append(quoted(text(result, 1)));
                    if (result.getRow() > 1) continue;
                    objects.append(comma).append(quoted(name)).append(':').append(quoted(result.getObject(1).getClass().getSimpleName()));
                    if (name.contains("_datetime2_")) moments.append(moments.length() == 0 ? "" : ",").append(quoted(name)).append(':').append(quoted(result.getTimestamp(1)));
                }
                every.append(comma).append(quoted(name)).append(':').append(values).append(']');
                readable.append(comma).append(name);
            } catch (SQLException error) {
                every.append(comma).append(quoted(name)).append(':').append(quoted(error));
            }
        }
        sawRaw("every", "{" + every + "}");
        sawRaw("objects", "{" + objects + "}");
        sawRaw("moments", "{" + moments + "}");
        int cells = 0;
        try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery("select " + readable + " from dbo.every_type order by id")) {
            while (result.next())
                for (int at = 1; at <= result.getMetaData().getColumnCount(); at++) {
                    if (every.indexOf(quoted(text(result, at))) < 0) throw new SQLException("column " + at + " is another in a long row");
                    cells++;
                }
        }
        saw("cells", cells);
    }

    static String text(ResultSet result, int at) throws SQLException {
        Object value = result.getObject(at);
        if (value instanceof Blob) value = ((Blob) value).getBytes(1, (int) ((Blob) value).length());
        if (value instanceof BigDecimal) return ((BigDecimal) value).toPlainString();
        return value instanceof byte[] ? hex((byte[]) value) : result.getString(at);
    }

    static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte one : bytes) text.append(String.format("%02x", one));
        return text.toString();
    }

    static void batch(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("create table #t (id int identity(1,1) primary key, name nvarchar(max), n int, price decimal(10, 2), at datetime2)");
            connection.setAutoCommit(false);
            saw("inserted", statement.executeUpdate("insert into #t (name) values ('lost')"));
            connection.rollback();
            try (PreparedStatement insert = connection.prepareStatement("insert into #t (name, n, price) values (?, ?, ?)")) {
                for (int number = 0; number < 50; number++) {
                    insert.setString(1, "name " + number);
                    insert.setInt(2, number);
                    insert.setBigDecimal(3, new BigDecimal("1234567.89"));
                    insert.addBatch();
                }
                int[] counts = insert.executeBatch();
                saw("counts", counts.length + " of " + Arrays.stream(counts).max().getAsInt());
            }
            connection.commit();
            statement.executeUpdate("delete from #t");
            connection.rollback();
            connection.setAutoCommit(true);
            saw("kept", one(connection, "select count(*), max(n), max(price) from #t"));
        }
        try (Statement statement = connection.createStatement()) {
            statement.addBatch("insert into #t (n) values (1000)");
            statement.addBatch("insert into #t (n) values (1001)");
            saw("batch", Arrays.toString(statement.executeBatch()));
        }
    }

    static void savepoint(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.executeUpdate("insert into #t (n) values (2000)");
            Savepoint here = connection.setSavepoint();
            statement.executeUpdate("insert into #t (n) values (2001)");
            connection.rollback(here);
            statement.executeUpdate("insert into #t (n) values (2002)");
            connection.commit();
        } finally {
            connection.rollback();
            connection.setAutoCommit(true);
        }
        saw("savepoint", one(connection, "select count(*), max(n) from #t where n >= 2000"));
    }

    static void large(Connection connection) throws Exception {
        StringBuilder text = new StringBuilder();
        while (text.length() < CLOB) text.append("naïve 漢字, ").append(text.length()).append('\n');
        text.setLength(CLOB);
        byte[] bytes = new byte[BLOB];
        for (int at = 0; at < BLOB; at++) bytes[at] = (byte) (at * 7 + at / 251);
        try (Statement statement = connection.createStatement()) {
            statement.execute("create table #large (id int, words nvarchar(max), bytes varbinary(max))");
        }
        try (PreparedStatement insert = connection.prepareStatement("insert into #large (id, words, bytes) values (?, ?, ?)")) {
            insert.setInt(1, 1);
            insert.setString(2, text.toString());
            insert.setBytes(3, bytes);
            insert.executeUpdate();
            insert.setInt(1, 2);
            insert.setCharacterStream(2, new StringReader(text.toString()), CLOB);
            insert.setBinaryStream(3, new ByteArrayInputStream(bytes), BLOB);
            insert.executeUpdate();
            insert.setInt(1, 3);
            insert.setString(2, "");
            insert.setBytes(3, new byte[0]);
            insert.executeUpdate();
            insert.setInt(1, 4);
            insert.setNull(2, Types.VARCHAR);
            insert.setNull(3, Types.VARBINARY);
            insert.executeUpdate();
        }
        StringBuilder read = new StringBuilder();
        try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery("select words, bytes from #large order by id")) {
            while (result.next()) {
                Clob clob = result.getClob(1);
                Blob blob = result.getBlob(2);
                if (clob == null || blob == null) {
                    read.append(clob).append('|').append(blob).append(';');
                    continue;
                }
                String words = clob.getSubString(1, (int) clob.length());
                byte[] stored = blob.getBytes(1, (int) blob.length());
                boolean same = words.equals(text.toString()) && Arrays.equals(stored, bytes);
                read.append(clob.length()).append('|').append(blob.length()).append('|').append(same).append(';');
            }
        }
        saw("large", read);
    }

    static void results(Connection connection) throws SQLException {
        StringBuilder all = new StringBuilder();
        try (Statement statement = connection.createStatement()) {
            boolean isQuery = statement.execute("select 1; insert into #t (n) values (3000); select N'two', null; update #t set n = 3001 where n = 3000; select 3 from products where id = 0");
            while (true) {
                if (isQuery) {
                    ResultSet result = statement.getResultSet();
                    all.append("rows");
                    while (result.next()) all.append(' ').append(result.getString(1));
                } else {
                    int count = statement.getUpdateCount();
                    if (count < 0) break;
                    all.append("count ").append(count);
                }
                all.append(';');
                isQuery = statement.getMoreResults();
            }
        }
        saw("results", all);
    }

    /** An output parameter, of a procedure that every server has. */
    static void output(Connection connection) throws SQLException {
        try (CallableStatement call = connection.prepareCall("{call sp_prepare(?, ?, ?)}")) {
            call.registerOutParameter(1, Types.INTEGER);
            call.setString(2, "@id int");
            call.setString(3, "select name from products where id = @id");
            call.execute();
            saw("output", call.getInt(1) > 0);
        }
    }

    static void catalog(Connection connection) throws SQLException {
        DatabaseMetaData server = connection.getMetaData();
        StringBuilder tables = new StringBuilder();
        try (ResultSet result = server.getTables(null, null, "products", new String[] {"TABLE"})) {
            while (result.next()) tables.append(result.getString("TABLE_NAME")).append(';');
        }
        saw("tables", tables);
        StringBuilder columns = new StringBuilder();
        try (ResultSet result = server.getColumns(null, null, "products", null)) {
            while (result.next()) columns.append(result.getString("COLUMN_NAME")).append(' ').append(result.getString("TYPE_NAME")).append(';');
        }
        saw("columns", columns);
        StringBuilder keys = new StringBuilder();
        try (ResultSet result = server.getPrimaryKeys(null, null, "products")) {
            while (result.next()) keys.append(result.getString("COLUMN_NAME")).append(';');
        }
        saw("keys", keys);
    }

    static void errors(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.executeQuery("select * from nowhere");
        } catch (SQLException error) {
            saw("error", error.getErrorCode() + " " + error.getSQLState() + " " + error.getMessage());
        }
    }

    static void cancel(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            AtomicBoolean ended = new AtomicBoolean();
            Thread other = new Thread(() -> {
                while (!ended.get()) {
                    try {
                        Thread.sleep(50);
                        statement.cancel();
                    } catch (Exception error) {
                        return;
                    }
                }
            });
            other.start();
            try {
                statement.execute("waitfor delay '00:10:00'");
                saw("cancelled", "no");
            } catch (SQLException error) {
                saw("cancelled", told(error));
            } finally {
                ended.set(true);
                other.join();
            }
        }
        saw("after cancel", one(connection, "select name from products where id = 3"));
        // One whose rows are on their way.
        try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery("select replicate('0123456789', 100) from generate_series(1, 20000)")) {
            result.next();
            statement.cancel();
            while (result.next()) { }
        } catch (SQLException error) {
            saw("half", told(error));
        }
        saw("after half", one(connection, "select name from products where id = 3"));
    }

    static void timeout(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            statement.execute("waitfor delay '00:10:00'");
        } catch (SQLException error) {
            saw("timed out", error.getMessage());
        }
        saw("after timeout", one(connection, "select name from products where id = 3"));
    }

    /** As a pool uses connections: several at once, each given back in order. */
    static void pool(String url, Connection first) throws SQLException {
        StringBuilder counts = new StringBuilder();
        Connection[] pooled = new Connection[4];
        for (int at = 0; at < pooled.length; at++) pooled[at] = connect(url);
        for (int round = 0; round < 2; round++) {
            for (Connection connection : pooled) {
                connection.setAutoCommit(false);
                connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
                counts.append(one(connection, "select count(*) from products")).append(' ');
                connection.rollback();
                connection.setAutoCommit(true);
                connection.clearWarnings();
            }
        }
        for (Connection connection : pooled) connection.close();
        saw("pooled", counts.toString().trim() + ", " + one(first, "select @@trancount"));
        saw("closed", pooled[0].isClosed());
    }
}
