import java.util.Properties;

/** It has sslMode in its last version alone, and users write the older words. */
public class MariadbConnectorJ2 extends JdbcStory {
    MariadbConnectorJ2() {
        super("MariaDB Connector/J", "org.mariadb.jdbc/mariadb-java-client", Database.MYSQL, "jdbc:mariadb://" + HOST + ":" + PORT + "/" + DATABASE);
    }

    public static void main(String[] args) throws Exception {
        new MariadbConnectorJ2().tell();
    }

    @Override
    void tls(Properties settings) {
        switch (TLS) {
            case DEFAULT -> {}
            case OFF -> settings.put("useSsl", "false");
            case ASKS -> settings.put("useSsl", "true");
            case TRUSTING -> {
                settings.put("useSsl", "true");
                settings.put("trustServerCertificate", "true");
            }
            case VERIFIED -> {
                settings.put("useSsl", "true");
                settings.put("serverSslCert", CA);
            }
        }
    }
}
