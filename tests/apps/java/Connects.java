// An app with the URLs of its arguments, or URL, user and password on three lines. It prints the number of products for each, or why there
// is no connection.

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

public class Connects {
    static Connection connection(String settings) throws SQLException {
        String[] lines = settings.split("\n");
        return lines.length == 1
            ? DriverManager.getConnection(lines[0])
            : DriverManager.getConnection(lines[0], lines[1], lines[2]);
    }

    public static void main(String[] args) {
        boolean failed = false;
        for (String settings : args) {
            try (Connection connection = connection(settings);
                Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery("select count(*) from products")) {
                result.next();
                System.out.println(result.getInt(1));
            } catch (SQLException error) {
                System.out.println(error);
                failed = true;
            }
        }
        System.exit(failed ? 1 : 0);
    }
}
