import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;

/** An app on JDBC and HikariCP. */
abstract class JdbcStory extends App {
    private final String driver;
    /** Maven's name for it. */
    private final String artifact;
    private final Database database;
    private final String url;
    private final Properties settings = new Properties();
    private final String table = "things_" + Long.toHexString(System.nanoTime());
    private Connection connection;

    JdbcStory(String driver, String artifact, Database database, String url) {
        this.driver = driver;
        this.artifact = artifact;
        this.database = database;
        this.url = url;
    }

    /** Adds what users write for this way of TLS. */
    abstract void tls(Properties settings) throws Exception;

    /** Why the driver has no such way of TLS; null where it has. */
    String cannot() {
        return null;
    }

    /** Adds what a pool of this driver's connections needs. */
    void pooled(HikariConfig config) {}

    void tell() throws Exception {
        say("driver", driver + " " + version(DriverManager.getDriver(url).getClass(), artifact) + ", HikariCP "
            + version(HikariConfig.class, "com.zaxxer/HikariCP"));
        if (cannot() != null) {
            cannot(TLS.name().toLowerCase(), cannot());
            return;
        }
        tls(settings);
        say("setting", settings.entrySet().stream().map(setting -> setting.getKey() + "=" + shown(setting.getValue())).sorted()
            .collect(Collectors.joining(database.and)));
        settings.put("user", USER);
        settings.put("password", PASSWORD);
        try {
            connection = open();
        } catch (SQLException error) {
            refused(error);
            return;
        }
        check(1, number(connection, "select 1"));
        did("connect");
        execute(database.create(table));
        if (WHOLE) {
            did("create");
            whole();
        } else {
            parameters();
            large();
            error();
            execute("drop table " + table);
        }
        connection.close();
    }

    private void whole() throws Exception {
        parameters();
        prepared();
        rollback();
        large();
        nulls();
        unicode();
        batch();
        error();
        cancel();
        try (HikariDataSource pool = pool()) {
            metadata();
            execute("drop table " + table);
            restart("proxy", pool);
            restart("upstream", pool);
        }
    }

    private void parameters() throws SQLException {
        Timestamp made = Timestamp.valueOf("2026-01-02 03:04:05");
        try (PreparedStatement insert = insert("id, name, price, made")) {
            insert.setInt(1, 1);
            insert.setString(2, "olive oil");
            insert.setBigDecimal(3, new BigDecimal("14.50"));
            insert.setTimestamp(4, made);
            check(1, insert.executeUpdate());
        }
        try (PreparedStatement select = connection.prepareStatement("select * from " + table + " where price > ? and name = ?")) {
            select.setBigDecimal(1, new BigDecimal("14.49"));
            select.setString(2, "olive oil");
            try (ResultSet row = select.executeQuery()) {
                check(true, row.next());
                check(1, row.getInt("id"));
                check("olive oil", row.getString("name"));
                check(new BigDecimal("14.50"), row.getBigDecimal("price"));
                check(made, row.getTimestamp("made"));
                check(false, row.next());
            }
        }
        did("parameters");
    }

    private void prepared() throws SQLException {
        try (PreparedStatement select = connection.prepareStatement("select id + ? from " + table + " where id = ?")) {
            for (int round = 0; round < 20; round++) {
                select.setInt(1, round);
                select.setInt(2, 1);
                check(round + 1, number(select));
            }
        }
        did("prepared");
    }

    private void rollback() throws SQLException {
        connection.setAutoCommit(false);
        execute("insert into " + table + " (id, name) values (2, 'lost')");
        check(2, count());
        connection.rollback();
        check(1, count());
        execute("insert into " + table + " (id, name) values (2, 'kept')");
        connection.commit();
        connection.setAutoCommit(true);
        check(2, count());
        did("rollback");
    }

    private void large() throws SQLException {
        byte[] content = new byte[5_000_000];
        new Random(1).nextBytes(content);
        try (PreparedStatement insert = insert("id, content")) {
            insert.setInt(1, 3);
            insert.setBytes(2, content);
            check(1, insert.executeUpdate());
        }
        try (Statement statement = connection.createStatement();
            ResultSet row = statement.executeQuery("select content from " + table + " where id = 3")) {
            row.next();
            check(true, Arrays.equals(content, row.getBytes(1)));
        }
        did("large");
    }

    private void nulls() throws SQLException {
        try (PreparedStatement insert = insert("id, name, price, made")) {
            insert.setInt(1, 4);
            insert.setNull(2, Types.VARCHAR);
            insert.setNull(3, Types.DECIMAL);
            insert.setNull(4, Types.TIMESTAMP);
            check(1, insert.executeUpdate());
        }
        try (Statement statement = connection.createStatement();
            ResultSet row = statement.executeQuery("select name, price, made, content from " + table + " where id = 4")) {
            row.next();
            for (int column = 1; column <= 4; column++) {
                row.getObject(column);
                check(true, row.wasNull());
            }
        }
        did("nulls");
    }

    private void unicode() throws SQLException {
        String greetings = "Grüße, 世界 🎉";
        try (PreparedStatement insert = insert("id, name")) {
            insert.setInt(1, 5);
            insert.setString(2, greetings);
            check(1, insert.executeUpdate());
        }
        try (Statement statement = connection.createStatement();
            ResultSet row = statement.executeQuery("select name from " + table + " where id = 5")) {
            row.next();
            check(greetings, row.getString(1));
        }
        did("unicode");
    }

    private void batch() throws SQLException {
        try (PreparedStatement insert = insert("id, name")) {
            for (int id = 1000; id < 1500; id++) {
                insert.setInt(1, id);
                insert.setString(2, "thing " + id);
                insert.addBatch();
            }
            check(500, insert.executeBatch().length);
        }
        check(500, number(connection, "select count(*) from " + table + " where id >= 1000"));
        did("batch");
    }

    private void error() throws SQLException {
        try {
            execute("select * from nowhere");
            throw new AssertionError("a table that is not there was read");
        } catch (SQLException error) {
            check(database.noTable, error.getSQLState());
            check(database.noTableNumber, error.getErrorCode());
        }
        check(1, number(connection, "select 1"));
        did("error");
    }

    /** By a time limit, and by another thread once the server is seen at it. */
    private void cancel() throws Exception {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            fails(() -> statement.execute(database.sleep));
        }
        check(1, number(connection, "select 1"));
        if (database.sleepers != null) {
            try (Statement statement = connection.createStatement(); Connection other = open()) {
                CompletableFuture<Void> sleep = CompletableFuture.runAsync(() -> fails(() -> statement.execute(database.sleep)));
                insist(() -> check(1, number(other, database.sleepers)));
                statement.cancel();
                sleep.get();
            }
            check(1, number(connection, "select 1"));
        }
        did("cancel");
    }

    /** Ten connections, each validated before each use, as the pool does it once a connection has been idle for a while. */
    private HikariDataSource pool() throws Exception {
        System.setProperty("com.zaxxer.hikari.aliveBypassWindowMs", "0");
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setDataSourceProperties(settings);
        config.setUsername(USER);
        config.setPassword(PASSWORD);
        config.setMaximumPoolSize(10);
        pooled(config);
        HikariDataSource pool = new HikariDataSource(config);
        use(pool);
        did("pool");
        return pool;
    }

    private static void use(HikariDataSource pool) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(10);
        try {
            List<Callable<Integer>> tasks = new ArrayList<>();
            for (int task = 0; task < 100; task++) {
                int number = task;
                tasks.add(() -> {
                    try (Connection connection = pool.getConnection()) {
                        return number(connection, "select " + number);
                    }
                });
            }
            int task = 0;
            for (Future<Integer> seen : threads.invokeAll(tasks)) {
                check(task++, seen.get());
            }
        } finally {
            threads.shutdown();
        }
    }

    private void metadata() throws SQLException {
        DatabaseMetaData data = connection.getMetaData();
        try (ResultSet tables = data.getTables(connection.getCatalog(), null, table, new String[] {"TABLE"})) {
            check(true, tables.next());
            check(table, tables.getString("TABLE_NAME"));
            check(false, tables.next());
        }
        List<String> names = new ArrayList<>();
        try (ResultSet columns = data.getColumns(connection.getCatalog(), null, table, "%")) {
            while (columns.next()) {
                names.add(columns.getString("COLUMN_NAME"));
            }
        }
        check(List.of("id", "name", "price", "made", "content"), names);
        try (ResultSet keys = data.getPrimaryKeys(connection.getCatalog(), null, table)) {
            check(true, keys.next());
            check("id", keys.getString("COLUMN_NAME"));
        }
        did("metadata");
    }

    private void restart(String whose, HikariDataSource pool) throws Exception {
        awaitRestart(whose);
        insist(() -> {
            try {
                check(1, number(connection, "select 1"));
            } catch (SQLException lost) {
                connection = open();
                throw lost;
            }
        });
        use(pool);
        did(whose + " restart");
    }

    private Connection open() throws SQLException {
        return DriverManager.getConnection(url, settings);
    }

    private void execute(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private PreparedStatement insert(String columns) throws SQLException {
        String values = columns.replaceAll("\\w+", "?");
        return connection.prepareStatement("insert into " + table + " (" + columns + ") values (" + values + ")");
    }

    private int count() throws SQLException {
        return number(connection, "select count(*) from " + table);
    }

    private static int number(Connection connection, String sql) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            return number(statement);
        }
    }

    private static int number(PreparedStatement statement) throws SQLException {
        try (ResultSet row = statement.executeQuery()) {
            row.next();
            return row.getInt(1);
        }
    }

    /** A file is told without the place where it is in this run. */
    private static String shown(Object setting) {
        return setting.toString().replaceFirst("^(file:)?/.*/", "$1");
    }
}
