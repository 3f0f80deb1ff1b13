import com.zaxxer.hikari.HikariConfig;
import java.util.Properties;

public class Jtds extends JdbcStory {
    Jtds() {
        super("jTDS", "net.sourceforge.jtds/jtds", Database.SQL_SERVER, "jdbc:jtds:sqlserver://" + HOST + ":" + PORT + "/" + DATABASE);
    }

    public static void main(String[] args) throws Exception {
        new Jtds().tell();
    }

    @Override
    void tls(Properties settings) throws Exception {
        switch (TLS) {
            case DEFAULT -> {}
            case OFF -> settings.put("ssl", "off");
            case ASKS, TRUSTING -> settings.put("ssl", "require");
            case VERIFIED -> {
                settings.put("ssl", "authenticate");
                System.setProperty("javax.net.ssl.trustStore", trustStore().toString());
                System.setProperty("javax.net.ssl.trustStorePassword", TRUST_STORE_PASSWORD);
            }
        }
    }

    /** It is older than Connection.isValid. */
    @Override
    void pooled(HikariConfig config) {
        config.setConnectionTestQuery("select 1");
    }
}
