// An app on JDBC. Its argument is the scheme of the driver: mysql or mariadb. It prints what it saw as JSON.

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

public class WithMysql {
  static final StringBuilder seen = new StringBuilder("{");

  static void saw(String name, Object value) {
    String text = value instanceof String ? "\"" + value + "\"" : String.valueOf(value);
    seen.append(seen.length() > 1 ? "," : "").append("\"").append(name).append("\":").append(text);
  }

  static ResultSet one(Connection connection, String sql) throws SQLException {
    ResultSet row = connection.createStatement().executeQuery(sql);
    row.next();
    return row;
  }

  public static void main(String[] args) throws Exception {
    String url =
        "jdbc:" + args[0] + "://" + System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/";
    String options = System.getenv().getOrDefault("DB_OPTIONS", "");
    String user = System.getenv("DB_USER");
    try (Connection connection =
        DriverManager.getConnection(url + options, user, System.getenv("DB_PASSWORD"))) {
      ResultSet who = one(connection, "select current_user(), database()");
      saw("user", who.getString(1));
      saw("database", who.getString(2));
      saw("tls", one(connection, "show status like 'ssl_cipher'").getString(2).length() > 0);

      PreparedStatement sum = connection.prepareStatement("select ? + ?");
      sum.setInt(1, 1);
      sum.setInt(2, 2);
      ResultSet row = sum.executeQuery();
      row.next();
      saw("prepared", row.getInt(1));

      try (Statement table = connection.createStatement()) {
        table.execute("create table batch (id int primary key, name varchar(20))");
      }
      connection.setAutoCommit(false);
      PreparedStatement insert = connection.prepareStatement("insert into batch values (?, ?)");
      for (int id = 0; id < 1000; id++) {
        insert.setInt(1, id);
        insert.setString(2, "name " + id);
        insert.addBatch();
      }
      insert.executeBatch();
      connection.commit();
      connection.setAutoCommit(true);
      saw("batch", one(connection, "select count(*) from batch").getInt(1));

      // More than a packet or an envelope can hold, both ways, and a file.
      if (options.contains("useCompression=true")) {
        PreparedStatement length = connection.prepareStatement("select length(?)");
        length.setString(1, "0123456789abcdef".repeat(20 << 16));
        row = length.executeQuery();
        row.next();
        saw("sent", row.getInt(1));
        saw("received", one(connection, "select repeat('y', 20 << 20)").getString(1).length());
        Path file = Files.createTempFile("file", null);
        Files.write(file, "\u0011".repeat(12 << 20).getBytes(StandardCharsets.US_ASCII));
        try (Statement load = connection.createStatement()) {
          load.execute("create table file (content longblob)");
          load.execute(
              "load data local infile '"
                  + file
                  + "' into table file fields terminated by 'no' lines terminated by 'none'");
        } finally {
          Files.delete(file);
        }
        saw("loaded", one(connection, "select length(content) from file").getInt(1));
      }

      // The driver opens a second connection and sends KILL QUERY, or says so in the query.
      try (Statement slow = connection.createStatement()) {
        slow.setQueryTimeout(1);
        slow.executeQuery("select sleep(600)").next();
        saw("timed_out", false);
      } catch (SQLException error) {
        saw("timed_out", true);
      }
      try {
        one(connection, "select * from nowhere");
      } catch (SQLException error) {
        saw("error", error.getErrorCode());
      }
    }
    System.out.println(seen.append("}"));
  }
}
