import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryOptions;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.Readable;
import io.r2dbc.spi.Result;
import io.r2dbc.spi.Statement;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** An app on R2DBC and its pool. It waits for each answer, so that it reads as a story. */
abstract class R2dbcStory extends App {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private final String driver;
    private final String artifact;
    private final Database database;
    private final String scheme;
    private final String table = "things_" + Long.toHexString(System.nanoTime());
    private ConnectionFactory factory;
    private Connection connection;

    R2dbcStory(String driver, String artifact, Database database, String scheme) {
        this.driver = driver;
        this.artifact = artifact;
        this.database = database;
        this.scheme = scheme;
    }

    /** What users write behind the question mark of a URL for this way of TLS. */
    abstract String tls() throws Exception;

    /** A parameter in SQL; the first is 1. */
    abstract String mark(int parameter);

    /** Ends what the connection is at; null where the driver has no such thing. */
    Publisher<Void> cancelled(Connection connection) {
        return null;
    }

    void tell() throws Exception {
        say("driver", driver + " " + version(getClass(), artifact) + ", r2dbc-pool " + version(getClass(), "io.r2dbc/r2dbc-pool"));
        String tls = tls();
        say("setting", tls.replaceAll("=[^&=]*/", "="));
        String url = "r2dbc:" + scheme + "://" + HOST + ":" + PORT + "/" + DATABASE.replace(" ", "%20") + (tls.isEmpty() ? "" : "?" + tls);
        ConnectionFactoryOptions options = ConnectionFactoryOptions.parse(url).mutate()
            .option(ConnectionFactoryOptions.USER, USER).option(ConnectionFactoryOptions.PASSWORD, PASSWORD).build();
        try {
            factory = ConnectionFactories.get(options);
            connection = open();
        } catch (RuntimeException error) {
            refused(error);
            return;
        }
        check(1, number(connection, "select 1").block(PATIENCE));
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
        done(connection.close());
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
        ConnectionPool pool = new ConnectionPool(
            ConnectionPoolConfiguration.builder(factory).maxSize(10).validationQuery("select 1").build());
        use(pool);
        did("pool");
        metadata();
        execute("drop table " + table);
        restart("proxy", pool);
        restart("upstream", pool);
        done(pool.disposeLater());
    }

    private void parameters() {
        LocalDateTime made = LocalDateTime.parse("2026-01-02T03:04:05");
        check(1L, run(insert("id", "name", "price", "made").bind(0, 1).bind(1, "olive oil").bind(2, new BigDecimal("14.50")).bind(3, made)));
        Statement select = connection.createStatement("select * from " + table + " where price > " + mark(1) + " and name = " + mark(2));
        select.bind(0, new BigDecimal("14.49")).bind(1, "olive oil");
        List<List<Object>> rows = all(select, row -> List.of(row.get("id", Integer.class), row.get("name", String.class),
            row.get("price", BigDecimal.class), row.get("made", LocalDateTime.class)));
        check(List.of(List.of(1, "olive oil", new BigDecimal("14.50"), made)), rows);
        did("parameters");
    }

    private void prepared() {
        String select = "select id + " + mark(1) + " from " + table + " where id = " + mark(2);
        for (int round = 0; round < 20; round++) {
            Statement statement = connection.createStatement(select).bind(0, round).bind(1, 1);
            check(List.of(round + 1), all(statement, row -> row.get(0, Integer.class)));
        }
        did("prepared");
    }

    private void rollback() {
        done(connection.beginTransaction());
        execute("insert into " + table + " (id, name) values (2, 'lost')");
        check(2, count());
        done(connection.rollbackTransaction());
        check(1, count());
        done(connection.beginTransaction());
        execute("insert into " + table + " (id, name) values (2, 'kept')");
        done(connection.commitTransaction());
        check(2, count());
        did("rollback");
    }

    private void large() {
        byte[] content = new byte[5_000_000];
        new Random(1).nextBytes(content);
        check(1L, run(insert("id", "content").bind(0, 3).bind(1, content)));
        Statement select = connection.createStatement("select content from " + table + " where id = 3");
        check(true, Arrays.equals(content, all(select, row -> row.get(0, byte[].class)).get(0)));
        did("large");
    }

    private void nulls() {
        check(1L, run(insert("id", "name", "price", "made").bind(0, 4)
            .bindNull(1, String.class).bindNull(2, BigDecimal.class).bindNull(3, LocalDateTime.class)));
        Statement select = connection.createStatement("select name, price, made, content from " + table + " where id = 4");
        check(List.of(true), all(select, row -> IntStream.range(0, 4).allMatch(column -> row.get(column) == null)));
        did("nulls");
    }

    private void unicode() {
        String greetings = "Grüße, 世界 🎉";
        check(1L, run(insert("id", "name").bind(0, 5).bind(1, greetings)));
        Statement select = connection.createStatement("select name from " + table + " where id = 5");
        check(List.of(greetings), all(select, row -> row.get(0, String.class)));
        did("unicode");
    }

    private void batch() {
        Statement insert = insert("id", "name");
        for (int id = 1000; id < 1500; id++) {
            if (id > 1000) {
                insert.add();
            }
            insert.bind(0, id).bind(1, "thing " + id);
        }
        check(500L, run(insert));
        check(500, number(connection, "select count(*) from " + table + " where id >= 1000").block(PATIENCE));
        did("batch");
    }

    private void error() {
        try {
            execute("select * from nowhere");
            throw new AssertionError("a table that is not there was read");
        } catch (R2dbcException error) {
            check(database.noTableNumber, error.getErrorCode());
            if (database.noTableNumber == 0) {
                check(database.noTable, error.getSqlState());
            }
        }
        check(1, number(connection, "select 1").block(PATIENCE));
        did("error");
    }

    /** By a time limit, and at the app's wish once the server is seen at it. */
    private void cancel() throws Exception {
        done(connection.setStatementTimeout(Duration.ofSeconds(1)));
        fails(() -> execute(database.sleep));
        done(connection.setStatementTimeout(Duration.ZERO));
        // r2dbc-mssql may give the cancellation to the statement behind it.
        insist(() -> check(1, number(connection, "select 1").block(PATIENCE)));
        Publisher<Void> cancelled = cancelled(connection);
        if (cancelled != null) {
            Connection other = open();
            var sleep = Flux.from(connection.createStatement(database.sleep).execute())
                .flatMap(result -> result.map(row -> true)).collectList().toFuture();
            insist(() -> check(1, number(other, database.sleepers).block(PATIENCE)));
            done(cancelled);
            fails(sleep::get);
            done(other.close());
            check(1, number(connection, "select 1").block(PATIENCE));
        }
        did("cancel");
    }

    /** One that fails does not cancel the others: r2dbc-pool loses what is cancelled while it is acquired. */
    private static void use(ConnectionPool pool) {
        List<Integer> seen = Flux.range(0, 100)
            .flatMapDelayError(number -> Mono.usingWhen(pool.create(), own -> number(own, "select " + number), Connection::close), 10, 1)
            .collectList().block(PATIENCE);
        check(100L, seen.stream().distinct().count());
    }

    private void metadata() {
        Statement select = connection.createStatement(
            "select column_name from information_schema.columns where table_name = " + mark(1) + " order by ordinal_position");
        List<String> names = all(select.bind(0, table), row -> row.get(0, String.class));
        check(List.of("id", "name", "price", "made", "content"), names);
        did("metadata");
    }

    private void restart(String whose, ConnectionPool pool) throws Exception {
        awaitRestart(whose);
        insist(() -> {
            try {
                check(1, number(connection, "select 1").block(PATIENCE));
            } catch (RuntimeException lost) {
                connection = open();
                throw lost;
            }
        });
        insist(() -> use(pool));
        did(whose + " restart");
    }

    private Connection open() {
        return Mono.<Connection>from(factory.create()).block(PATIENCE);
    }

    private static void done(Publisher<Void> action) {
        Mono.from(action).block(PATIENCE);
    }

    private Statement insert(String... columns) {
        String marks = IntStream.rangeClosed(1, columns.length).mapToObj(this::mark).collect(Collectors.joining(", "));
        return connection.createStatement("insert into " + table + " (" + String.join(", ", columns) + ") values (" + marks + ")");
    }

    private void execute(String sql) {
        run(connection.createStatement(sql));
    }

    /** How many rows it changed. */
    private static long run(Statement statement) {
        return Flux.from(statement.execute()).concatMap(Result::getRowsUpdated).reduce(0L, Long::sum).block(PATIENCE);
    }

    private static <T> List<T> all(Statement statement, Function<Readable, T> mapping) {
        return Flux.from(statement.execute()).concatMap(result -> result.map(mapping)).collectList().block(PATIENCE);
    }

    private int count() {
        return number(connection, "select count(*) from " + table).block(PATIENCE);
    }

    private static Mono<Integer> number(Connection connection, String sql) {
        return Flux.from(connection.createStatement(sql).execute())
            .concatMap(result -> result.map(row -> ((Number) row.get(0)).intValue())).single();
    }
}
