import java.util.Properties;

/** MySQL's own driver since 8.0.13, when it got sslMode. */
public class ConnectorJ extends JdbcStory {
    ConnectorJ() {
        super("MySQL Connector/J", "com.mysql/mysql-connector-j", Database.MYSQL, "jdbc:mysql://" + HOST + ":" + PORT + "/" + DATABASE);
    }

    public static void main(String[] args) throws Exception {
        new ConnectorJ().tell();
    }

    @Override
    void tls(Properties settings) throws Exception {
        switch (TLS) {
            case DEFAULT -> {}
            case OFF -> settings.put("sslMode", "DISABLED");
            case ASKS -> settings.put("sslMode", "REQUIRED");
            case TRUSTING -> {
                settings.put("useSSL", "true");
                settings.put("requireSSL", "true");
                settings.put("verifyServerCertificate", "false");
            }
            case VERIFIED -> {
                settings.put("sslMode", "VERIFY_IDENTITY");
                settings.put("trustCertificateKeyStoreUrl", "file:" + trustStore());
                settings.put("trustCertificateKeyStorePassword", TRUST_STORE_PASSWORD);
            }
        }
    }
}
