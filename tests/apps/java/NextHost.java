// An app on JDBC whose URL has several hosts. It prints who it is.

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;

public class NextHost {
  public static void main(String[] args) throws Exception {
    try (Connection connection = DriverManager.getConnection(args[0], "anyone", "any password")) {
      ResultSet who = connection.createStatement().executeQuery("select current_user()");
      who.next();
      System.out.println(who.getString(1));
    }
  }
}
