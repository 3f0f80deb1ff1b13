// An app on JDBC with a driver's own defaults. It prints the server's version and a row.

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;

public class ReadsRow {
  public static void main(String[] args) throws Exception {
    String url = "jdbc:mysql://" + System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/";
    String user = System.getenv("DB_USER");
    try (Connection connection =
        DriverManager.getConnection(url, user, System.getenv("DB_PASSWORD"))) {
      ResultSet row = connection.createStatement().executeQuery("select 1");
      row.next();
      System.out.println(connection.getMetaData().getDatabaseProductVersion() + " " + row.getInt(1));
    }
  }
}
