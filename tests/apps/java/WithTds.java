// An app on a JDBC driver for SQL Server: the URL in TDS_URL says which one. It prints what it saw as JSON.

import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

public class WithTds {
    static final StringBuilder seen = new StringBuilder();

    static void saw(String name, Object value) {
        String text = String.valueOf(value).replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
        seen.append(seen.length() == 0 ? "{" : ",").append('"').append(name).append("\":\"").append(text).append('"');
    }

    /** Trusts a PEM file, as `keytool -importcert` would make Java do. */
    static String trusting(String pem) throws Exception {
        KeyStore store = KeyStore.getInstance("JKS");
        store.load(null, null);
        try (InputStream in = new FileInputStream(pem)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        File file = File.createTempFile("trust", ".jks");
        file.deleteOnExit();
        try (OutputStream out = new FileOutputStream(file)) {
            store.store(out, "changeit".toCharArray());
        }
        return file.getPath();
    }

    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        settings.put("user", System.getenv("TDS_USER"));
        settings.put("password", System.getenv("TDS_PASSWORD"));
        settings.put("trustStore", trusting(System.getenv("TDS_CA_FILE")));
        settings.put("trustStorePassword", "changeit");
        try (Connection connection = DriverManager.getConnection(System.getenv("TDS_URL"), settings)) {
            talk(connection);
        } catch (SQLException error) {
            saw("refused", error.getMessage());
        }
        System.out.println(seen.append('}'));
    }

    static void talk(Connection connection) throws SQLException {
        String sql = "select top 2 name, price, organic from products where id > ? order by id";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            StringBuilder rows = new StringBuilder();
            for (int round = 0; round < 3; round++) {
                rows.setLength(0);
                statement.setInt(1, 1);
                try (ResultSet result = statement.executeQuery()) {
                    while (result.next()) {
                        rows.append(result.getString(1)).append('|').append(result.getBigDecimal(2))
                            .append('|').append(result.getBoolean(3)).append(';');
                    }
                }
            }
            saw("rows", rows);
        }
        try (PreparedStatement statement = connection.prepareStatement("select ? + N'é', ?")) {
            statement.setString(1, "naïve");
            statement.setNull(2, java.sql.Types.INTEGER);
            try (ResultSet result = statement.executeQuery()) {
                result.next();
                saw("parameters", result.getString(1) + "|" + result.getString(2));
            }
        }
        try (Statement statement = connection.createStatement()) {
            statement.execute("create table #t (id int identity(1,1) primary key, name nvarchar(max), n int)");
            connection.setAutoCommit(false);
            statement.executeUpdate("insert into #t (name) values ('lost')");
            connection.rollback();
            try (PreparedStatement insert = connection.prepareStatement("insert into #t (name, n) values (?, ?)")) {
                for (int number = 0; number < 50; number++) {
                    insert.setString(1, "name " + number);
                    insert.setInt(2, number);
                    insert.addBatch();
                }
                insert.executeBatch();
            }
            connection.commit();
            connection.setAutoCommit(true);
            try (ResultSet result = statement.executeQuery("select count(*), max(n) from #t")) {
                result.next();
                saw("kept", result.getInt(1) + "|" + result.getInt(2));
            }
            boolean isQuery = statement.execute("select 1; select 2");
            saw("sets", isQuery && statement.getMoreResults());
        }
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            statement.execute("waitfor delay '00:10:00'");
        } catch (SQLException error) {
            saw("cancelled", error.getMessage());
        }
        try (Statement statement = connection.createStatement()) {
            statement.executeQuery("select * from nowhere");
        } catch (SQLException error) {
            saw("error", error.getErrorCode() + " " + error.getMessage());
        }
    }
}
