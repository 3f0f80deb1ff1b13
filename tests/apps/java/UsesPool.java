// An app with a pool, HikariCP, over JDBC. Its argument is the scheme of the driver: mysql or mariadb. Each line of its standard input has it
// ask on all connections that the pool may have, and say what came.

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

public class UsesPool {
  static final int CONNECTIONS = 5;

  static void askAll(HikariDataSource pool) throws Exception {
    List<Connection> held = new ArrayList<>();
    for (int number = 0; number < CONNECTIONS; number++) {
      Connection connection = pool.getConnection();
      held.add(connection);
      try (Statement statement = connection.createStatement();
          ResultSet rows = statement.executeQuery("select 1")) {
        rows.next();
      }
    }
    for (Connection connection : held) {
      connection.close();
    }
  }

  public static void main(String[] args) throws Exception {
    // Else it asks for no sign of life from a connection that was used half a second ago.
    System.setProperty("com.zaxxer.hikari.aliveBypassWindowMs", "0");
    HikariConfig settings = new HikariConfig();
    String at = System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/";
    settings.setJdbcUrl("jdbc:" + args[0] + "://" + at + System.getenv("DB_NAME"));
    settings.setUsername(System.getenv("DB_USER"));
    settings.setPassword(System.getenv("DB_PASSWORD"));
    settings.setMaximumPoolSize(CONNECTIONS);
    settings.setMinimumIdle(0);
    HikariDataSource pool = new HikariDataSource(settings);
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
    for (int time = 1; input.readLine() != null; time++) {
      askAll(pool);
      System.out.println("asked " + time);
    }
    Runtime.getRuntime().halt(0);
  }
}
