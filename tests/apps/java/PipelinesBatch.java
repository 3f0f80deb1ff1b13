// An app on JDBC that writes fifty rows in one batch, which MariaDB Connector/J sends without waiting for answers, and
// compares what it reads again. It prints how many rows there are, and how many are not what was written.

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;

public class PipelinesBatch {
  static final int ROWS = 50;

  static String name(int id) {
    return "the name of row " + id;
  }

  public static void main(String[] args) throws Exception {
    String url =
        "jdbc:mariadb://" + System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/orders"
            + System.getenv().getOrDefault("DB_OPTIONS", "");
    try (Connection connection =
        DriverManager.getConnection(url, System.getenv("DB_USER"), System.getenv("DB_PASSWORD"))) {
      try (Statement table = connection.createStatement()) {
        table.execute("create table batch (id int primary key, name varchar(40))");
      }
      try (PreparedStatement insert =
          connection.prepareStatement("insert into batch values (?, ?)")) {
        for (int id = 0; id < ROWS; id++) {
          insert.setInt(1, id);
          insert.setString(2, name(id));
          insert.addBatch();
        }
        insert.executeBatch();
      }
      int rows = 0;
      int wrong = 0;
      try (Statement all = connection.createStatement();
          ResultSet row = all.executeQuery("select id, name from batch order by id")) {
        while (row.next()) {
          wrong += row.getInt(1) == rows && row.getString(2).equals(name(rows)) ? 0 : 1;
          rows++;
        }
      }
      System.out.println(rows + " rows, " + wrong + " wrong");
    }
  }
}
