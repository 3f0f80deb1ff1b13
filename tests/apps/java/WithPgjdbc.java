// An app on pgjdbc. Its settings come from libpq's variables; it prints what it saw as JSON.

import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

public class WithPgjdbc {
  static final Map<String, Object> seen = new LinkedHashMap<>();

  static Connection connect(String sslmode) throws SQLException {
    Map<String, String> env = System.getenv();
    Properties properties = new Properties();
    properties.setProperty("user", env.get("PGUSER"));
    properties.setProperty("password", env.get("PGPASSWORD"));
    properties.setProperty("sslmode", sslmode);
    String database = env.getOrDefault("PGDATABASE", "");
    return DriverManager.getConnection(
        "jdbc:postgresql://" + env.get("PGHOST") + ":" + env.get("PGPORT") + "/" + database, properties);
  }

  public static void main(String[] args) throws Exception {
    try (Connection connection = connect("prefer")) {
      queries(connection);
      copies(connection);
      largeObjects(connection);
      notifications(connection);
      timeOut(connection);
    }
    try (Connection connection = connect("require");
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("select current_user")) {
      rows.next();
      seen.put("role_with_tls", rows.getString(1));
    }
    System.out.println(
        seen.entrySet().stream()
            .map(entry -> "\"" + entry.getKey() + "\": \"" + entry.getValue() + "\"")
            .collect(Collectors.joining(", ", "{", "}")));
  }

  static void queries(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("select current_user, current_database()")) {
      rows.next();
      seen.put("role", rows.getString(1));
      seen.put("database", rows.getString(2));
    }
    // From the fifth execution on the statement is prepared on the server.
    int sum = 0;
    try (PreparedStatement statement = connection.prepareStatement("select ? + 1")) {
      for (int number = 0; number < 10; number++) {
        statement.setInt(1, number);
        try (ResultSet rows = statement.executeQuery()) {
          rows.next();
          sum += rows.getInt(1);
        }
      }
    }
    seen.put("prepared", sum);
    try (Statement statement = connection.createStatement()) {
      statement.executeQuery("select 1 / 0");
    } catch (SQLException error) {
      seen.put("error", error.getSQLState());
    }
  }

  static void copies(Connection connection) throws Exception {
    try (Statement statement = connection.createStatement()) {
      statement.execute("create temp table items (id int, name text)");
    }
    StringBuilder lines = new StringBuilder();
    for (int number = 0; number < 10_000; number++) {
      lines.append(number).append("\tname ").append(number).append('\n');
    }
    var manager = connection.unwrap(PGConnection.class).getCopyAPI();
    manager.copyIn("copy items from stdin", new StringReader(lines.toString()));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    manager.copyOut("copy (select * from items order by id) to stdout", out);
    seen.put("copied", out.toString(StandardCharsets.UTF_8).contentEquals(lines));
  }

  static void largeObjects(Connection connection) throws SQLException {
    connection.setAutoCommit(false);
    byte[] content = new byte[300_000];
    Arrays.fill(content, (byte) 7);
    LargeObjectManager manager = connection.unwrap(PGConnection.class).getLargeObjectAPI();
    long oid = manager.createLO(LargeObjectManager.READWRITE);
    try (LargeObject object = manager.open(oid, LargeObjectManager.WRITE)) {
      object.write(content);
    }
    try (LargeObject object = manager.open(oid, LargeObjectManager.READ)) {
      seen.put("large_object", Arrays.equals(object.read(content.length + 1), content));
    }
    connection.commit();
    connection.setAutoCommit(true);
  }

  static void notifications(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute("listen news");
      try (Connection other = connect("prefer");
          Statement sender = other.createStatement()) {
        sender.execute("notify news, 'hello'");
      }
      PGNotification[] heard = connection.unwrap(PGConnection.class).getNotifications(60_000);
      seen.put("notified", heard[0].getParameter());
    }
  }

  static void timeOut(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.setQueryTimeout(1);
      statement.executeQuery("select pg_sleep(600)");
    } catch (SQLException error) {
      seen.put("cancelled", error.getSQLState());
    }
  }
}
