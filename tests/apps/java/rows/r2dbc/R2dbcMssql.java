public class R2dbcMssql extends R2dbcStory {
    R2dbcMssql() {
        super("r2dbc-mssql", "io.r2dbc/r2dbc-mssql", Database.SQL_SERVER, "mssql");
    }

    public static void main(String[] args) throws Exception {
        new R2dbcMssql().tell();
        System.exit(0);
    }

    @Override
    String tls() throws Exception {
        return switch (TLS) {
            case DEFAULT -> "";
            case OFF -> "ssl=false";
            case ASKS -> "ssl=true";
            case TRUSTING -> "ssl=true&trustServerCertificate=true";
            case VERIFIED -> "ssl=true&trustStore=" + trustStore() + "&trustStoreType=PKCS12&trustStorePassword=" + TRUST_STORE_PASSWORD;
        };
    }

    @Override
    String mark(int parameter) {
        return "@P" + parameter;
    }
}
