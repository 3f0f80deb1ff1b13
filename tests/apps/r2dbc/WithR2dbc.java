// An app on r2dbc-mssql with its defaults, as Spring's R2DBC starter has it. It prints what it saw as JSON.

import io.r2dbc.mssql.MssqlConnectionConfiguration;
import io.r2dbc.mssql.MssqlConnectionFactory;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.List;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

public class WithR2dbc {
    static final StringBuilder seen = new StringBuilder();
    static final Duration PATIENCE = Duration.ofSeconds(30);

    static void saw(String name, Object value) {
        String text = String.valueOf(value).replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
        seen.append(seen.length() == 0 ? "{" : ",").append('"').append(name).append("\":\"").append(text).append('"');
    }

    public static void main(String[] args) {
        MssqlConnectionConfiguration.Builder settings = MssqlConnectionConfiguration.builder()
            .host(System.getenv("TDS_HOST"))
            .port(Integer.parseInt(System.getenv("TDS_PORT")))
            .username(System.getenv("TDS_USER"))
            .password(System.getenv("TDS_PASSWORD"))
            .database("shop");
        if (System.getenv("TDS_ENCRYPT").equals("on")) {
            settings.enableSsl().trustServerCertificate();
        }
        try {
            talk(new MssqlConnectionFactory(settings.build()).create().block(PATIENCE));
        } catch (RuntimeException error) {
            saw("refused", error + " " + error.getCause());
        }
        System.out.println(seen.append('}'));
        System.exit(0);
    }

    static void talk(Connection connection) {
        saw("rows", all(connection, "select top 2 name, price from products where id > 1 order by id"));
        saw("parameters", Flux.from(connection.createStatement("select @text + N'é'")
            .bind("text", "naïve").execute())
            .flatMap(result -> result.map((row, metadata) -> row.get(0))).collectList().block(PATIENCE));
        run(connection, "create table #t (id int, name nvarchar(40))");
        Mono.from(connection.beginTransaction()).block(PATIENCE);
        run(connection, "insert into #t values (1, 'lost')");
        Mono.from(connection.rollbackTransaction()).block(PATIENCE);
        run(connection, "insert into #t values (2, 'kept')");
        saw("kept", all(connection, "select id, name from #t"));
        try {
            all(connection, "select * from nowhere");
        } catch (RuntimeException error) {
            saw("error", error.getMessage());
        }
        Mono.from(connection.close()).block(PATIENCE);
    }

    static void run(Connection connection, String sql) {
        Flux.from(connection.createStatement(sql).execute())
            .flatMap(result -> result.getRowsUpdated()).then().block(PATIENCE);
    }

    static List<String> all(Connection connection, String sql) {
        return Flux.from(connection.createStatement(sql).execute())
            .flatMap(result -> result.map((row, metadata) -> row.get(0) + "|" + row.get(1)))
            .collectList().block(PATIENCE);
    }
}
