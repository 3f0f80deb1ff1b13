import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Properties;
import java.util.regex.Pattern;

/** A program of the matrix: what it hears from the runner, and tells it, in lines. */
abstract class App {
    enum Tls { DEFAULT, OFF, ASKS, TRUSTING, VERIFIED }

    static final String HOST = System.getenv("DB_HOST");
    static final String PORT = System.getenv("DB_PORT");
    static final String USER = System.getenv("DB_USER");
    static final String PASSWORD = System.getenv("DB_PASSWORD");
    static final String DATABASE = System.getenv("DB_NAME");
    /** The PEM file of the authority, with {@link Tls#VERIFIED}. */
    static final String CA = System.getenv("DB_CA");
    static final String TRUST_STORE_PASSWORD = "changeit";
    static final Tls TLS = Tls.valueOf(System.getenv("DB_TLS").toUpperCase());
    static final boolean WHOLE = System.getenv("DB_STORY").equals("whole");

    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    /** What is never twice the same in an error: times, and ids of a connection. */
    private static final Pattern CHANGING = Pattern.compile("\\d+(?= milliseconds)|(?<=conn=)\\d+|(?<=ClientConnectionId:)[0-9a-f-]+");
    private static final BufferedReader IN = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    static void say(String what, String text) {
        OUT.println((what + ": " + text.replaceAll("\\s+", " ")).trim());
    }

    static void did(String step) {
        say("did", step);
    }

    static void cannot(String step, String why) {
        say("cannot", step + ": " + why);
    }

    /** Says what a person reads whose connection is refused: the error, and its causes where they say more. */
    static void refused(Throwable error) {
        StringBuilder text = new StringBuilder(error.getMessage() == null ? error.getClass().getName() : error.getMessage());
        for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
            if (cause.getMessage() != null && text.indexOf(cause.getMessage()) < 0) {
                text.append(" Caused by: ").append(cause.getClass().getName()).append(": ").append(cause.getMessage());
            }
        }
        say("refused", CHANGING.matcher(text).replaceAll("…"));
    }

    /** Waits until the runner has restarted the proxy, or the upstream. */
    static void awaitRestart(String whose) throws IOException {
        say("now", whose + " restarts");
        IN.readLine();
    }

    /** A file of the authority as `keytool -importcert` makes it. */
    static Path trustStore() throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (InputStream in = Files.newInputStream(Path.of(CA))) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        Path directory = Files.createTempDirectory("trust");
        Path file = directory.resolve("truststore.p12");
        directory.toFile().deleteOnExit();
        file.toFile().deleteOnExit();
        try (OutputStream out = Files.newOutputStream(file)) {
            store.store(out, TRUST_STORE_PASSWORD.toCharArray());
        }
        return file;
    }

    /** The version of a class's archive: by its manifest, or by what Maven left there. */
    static String version(Class<?> of, String artifact) throws IOException {
        String version = of.getPackage().getImplementationVersion();
        if (version != null) {
            return version;
        }
        Properties pom = new Properties();
        try (InputStream in = of.getResourceAsStream("/META-INF/maven/" + artifact + "/pom.properties")) {
            pom.load(in);
        }
        return pom.getProperty("version");
    }

    static void check(Object wanted, Object seen) {
        if (!wanted.equals(seen)) {
            throw new AssertionError("`" + wanted + "` was expected, and this came: `" + seen + "`");
        }
    }

    interface Attempt {
        void run() throws Exception;
    }

    static void fails(Attempt attempt) {
        try {
            attempt.run();
        } catch (Exception error) {
            return;
        }
        throw new AssertionError("it was expected to fail");
    }

    /** Tries until it works, as long as a person would. */
    static void insist(Attempt attempt) throws Exception {
        for (int failures = 0; ; failures++) {
            try {
                attempt.run();
                return;
            } catch (Exception | AssertionError error) {
                if (failures == 50) {
                    throw error;
                }
                Thread.sleep(50);
            }
        }
    }
}
