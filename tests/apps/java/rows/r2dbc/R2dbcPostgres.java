import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.Connection;
import org.reactivestreams.Publisher;

public class R2dbcPostgres extends R2dbcStory {
    R2dbcPostgres() {
        super("r2dbc-postgresql", "org.postgresql/r2dbc-postgresql", Database.POSTGRES, "postgresql");
    }

    public static void main(String[] args) throws Exception {
        new R2dbcPostgres().tell();
        System.exit(0);
    }

    @Override
    String tls() {
        return switch (TLS) {
            case DEFAULT -> "";
            case OFF -> "sslMode=disable";
            case ASKS, TRUSTING -> "sslMode=require";
            case VERIFIED -> "sslMode=verify-full&sslRootCert=" + CA;
        };
    }

    @Override
    String mark(int parameter) {
        return "$" + parameter;
    }

    @Override
    Publisher<Void> cancelled(Connection connection) {
        return ((PostgresqlConnection) connection).cancelRequest();
    }
}
