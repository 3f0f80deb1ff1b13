import java.util.Properties;

public class MariadbConnectorJ extends JdbcStory {
    MariadbConnectorJ() {
        super("MariaDB Connector/J", "org.mariadb.jdbc/mariadb-java-client", Database.MYSQL, "jdbc:mariadb://" + HOST + ":" + PORT + "/" + DATABASE);
    }

    public static void main(String[] args) throws Exception {
        new MariadbConnectorJ().tell();
    }

    @Override
    void tls(Properties settings) {
        switch (TLS) {
            case DEFAULT -> {}
            case OFF -> settings.put("sslMode", "disable");
            case ASKS -> settings.put("useSsl", "true");
            case TRUSTING -> settings.put("sslMode", "trust");
            case VERIFIED -> {
                settings.put("sslMode", "verify-full");
                settings.put("serverSslCert", CA);
            }
        }
    }
}
