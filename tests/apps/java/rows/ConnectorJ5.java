import java.util.Properties;

/**
 * MySQL's own driver of old. It verifies a certificate, and no name in it. Of TLS 1.2 it must be told where the
 * server's version is below 5.7.28, as MariaDB's 5.5.5-10.11 is to it.
 */
public class ConnectorJ5 extends JdbcStory {
    ConnectorJ5() {
        super("MySQL Connector/J", "mysql/mysql-connector-java", Database.MYSQL, "jdbc:mysql://" + HOST + ":" + PORT + "/" + DATABASE);
    }

    public static void main(String[] args) throws Exception {
        new ConnectorJ5().tell();
    }

    @Override
    void tls(Properties settings) throws Exception {
        switch (TLS) {
            case DEFAULT -> {}
            case OFF -> settings.put("useSSL", "false");
            case ASKS -> settings.put("useSSL", "true");
            case TRUSTING -> {
                settings.put("useSSL", "true");
                settings.put("verifyServerCertificate", "false");
                settings.put("enabledTLSProtocols", "TLSv1.2");
            }
            case VERIFIED -> {
                settings.put("useSSL", "true");
                settings.put("requireSSL", "true");
                settings.put("enabledTLSProtocols", "TLSv1.2");
                settings.put("trustCertificateKeyStoreUrl", "file:" + trustStore());
                settings.put("trustCertificateKeyStorePassword", TRUST_STORE_PASSWORD);
            }
        }
    }
}
