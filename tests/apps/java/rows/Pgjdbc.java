import java.util.Properties;

public class Pgjdbc extends JdbcStory {
    Pgjdbc() {
        super("pgjdbc", "org.postgresql/postgresql", Database.POSTGRES,
            "jdbc:postgresql://" + HOST + ":" + PORT + "/" + DATABASE.replace(" ", "%20"));
    }

    public static void main(String[] args) throws Exception {
        new Pgjdbc().tell();
    }

    @Override
    void tls(Properties settings) {
        switch (TLS) {
            case DEFAULT -> {}
            case OFF -> settings.put("sslmode", "disable");
            case ASKS -> settings.put("sslmode", "require");
            case TRUSTING -> {
                settings.put("ssl", "true");
                settings.put("sslfactory", "org.postgresql.ssl.NonValidatingFactory");
            }
            case VERIFIED -> {
                settings.put("sslmode", "verify-full");
                settings.put("sslrootcert", CA);
            }
        }
    }
}
