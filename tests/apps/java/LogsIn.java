// An app on any JDBC driver: it logs in at the URL that it is given, or ends with what the driver says.

import java.sql.DriverManager;

public class LogsIn {
  public static void main(String[] args) throws Exception {
    DriverManager.getConnection(args[0], "anyone", "any password").close();
  }
}
