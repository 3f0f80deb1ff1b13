import java.util.Properties;

/** Microsoft's own driver. From version 10 on it comes with encrypt=true; from 11.2 on it has encrypt=strict. */
public class MssqlJdbc extends JdbcStory {
    private final boolean hasStrict;

    MssqlJdbc(boolean hasStrict) {
        super("mssql-jdbc", "com.microsoft.sqlserver/mssql-jdbc", Database.SQL_SERVER,
            "jdbc:sqlserver://" + HOST + ":" + PORT + ";databaseName=" + DATABASE);
        this.hasStrict = hasStrict;
    }

    public static void main(String[] args) throws Exception {
        new MssqlJdbc(args.length == 0).tell();
    }

    @Override
    void tls(Properties settings) throws Exception {
        switch (TLS) {
            case DEFAULT -> {}
            case OFF -> settings.put("encrypt", "false");
            case ASKS -> settings.put("encrypt", "true");
            case TRUSTING -> {
                settings.put("encrypt", "true");
                settings.put("trustServerCertificate", "true");
            }
            case VERIFIED -> {
                settings.put("encrypt", hasStrict ? "strict" : "true");
                settings.put("trustStore", trustStore().toString());
                settings.put("trustStorePassword", TRUST_STORE_PASSWORD);
            }
        }
    }
}
