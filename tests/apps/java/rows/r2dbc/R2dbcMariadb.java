public class R2dbcMariadb extends R2dbcStory {
    R2dbcMariadb() {
        super("r2dbc-mariadb", "org.mariadb/r2dbc-mariadb", Database.MYSQL, "mariadb");
    }

    public static void main(String[] args) throws Exception {
        new R2dbcMariadb().tell();
        System.exit(0);
    }

    @Override
    String tls() {
        return switch (TLS) {
            case DEFAULT -> "";
            case OFF -> "sslMode=disable";
            case ASKS -> "sslMode=verify-full";
            case TRUSTING -> "sslMode=trust";
            case VERIFIED -> "sslMode=verify-full&serverSslCert=" + CA;
        };
    }

    @Override
    String mark(int parameter) {
        return "?";
    }
}
