// An app on JDBC that leaves a connection idle behind each kind of statement, and goes when its standard input ends. Its argument is the
// scheme of the driver: mysql or mariadb.

import java.io.ByteArrayInputStream;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

public class Rests {
  interface Kind {
    void run(Connection connection) throws Exception;
  }

  static void all(Statement statement, boolean isRows) throws SQLException {
    while (isRows || statement.getUpdateCount() != -1) {
      if (isRows) {
        ResultSet rows = statement.getResultSet();
        while (rows.next()) {}
      }
      isRows = statement.getMoreResults();
    }
  }

  static void run(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      all(statement, statement.execute(sql));
    }
  }

  static void prepared(Connection connection, String sql, int fetch) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      // The second time some servers leave the definitions out.
      for (int time = 0; time < 3; time++) {
        statement.setInt(1, 7);
        statement.setFetchSize(fetch);
        all(statement, statement.execute());
      }
    }
  }

  static void fails(Kind kind, Connection connection) throws Exception {
    try {
      kind.run(connection);
    } catch (SQLException error) {
      return;
    }
    throw new AssertionError("no error");
  }

  static void batch(Connection connection) throws SQLException {
    try (PreparedStatement insert = connection.prepareStatement("insert into jdbc_notes values (?, ?)")) {
      for (int id = 0; id < 300; id++) {
        insert.setInt(1, id);
        insert.setString(2, "note " + id);
        insert.addBatch();
      }
      insert.executeBatch();
    }
  }

  static void call(Connection connection) throws SQLException {
    try (CallableStatement call = connection.prepareCall("{call jdbc_sets(?, ?)}")) {
      call.setInt(1, 5);
      call.registerOutParameter(2, Types.INTEGER);
      all(call, call.execute());
      if (call.getInt(2) != 4) {
        throw new AssertionError("another output");
      }
    }
  }

  static void longData(Connection connection) throws SQLException {
    try (PreparedStatement insert = connection.prepareStatement("insert into jdbc_notes values (1, ?)")) {
      insert.setBinaryStream(1, new ByteArrayInputStream(new byte[3 << 20]));
      insert.execute();
    }
  }

  static void abandon(Connection connection) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("select seq, ? from seq_1_to_100")) {
      statement.setInt(1, 7);
      statement.setFetchSize(10);
      try (ResultSet rows = statement.executeQuery()) {
        rows.next();
      }
    }
  }

  public static void main(String[] args) throws Exception {
    String options =
        "?allowMultiQueries=true&useServerPrepStmts=true&useCursorFetch=true&allowLocalInfile=true&"
            + System.getenv("DB_OPTIONS");
    String at = System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/";
    String url = "jdbc:" + args[0] + "://" + at + System.getenv("DB_NAME") + options;
    Map<String, Kind> kinds = new LinkedHashMap<>();
    kinds.put("rows", it -> run(it, "select 1, 'one' union all select 2, null"));
    kinds.put("many rows", it -> run(it, "select seq, repeat('r', 100) from seq_1_to_20000"));
    kinds.put("no result", it -> run(it, "insert into jdbc_notes values (1, 'a')"));
    kinds.put("an error", it -> fails(these -> run(these, "select * from nowhere"), it));
    kinds.put("several statements", it -> run(it, "select 1; set @a = 1; select 2 from dual where false; do 1; select 3"));
    kinds.put("a prepared statement", it -> prepared(it, "select seq, ? from seq_1_to_100", 0));
    kinds.put("a cursor", it -> prepared(it, "select seq, ? from seq_1_to_100", 10));
    kinds.put("a cursor without rows", it -> prepared(it, "select 1 from dual where ? = 0", 10));
    kinds.put("an abandoned cursor", Rests::abandon);
    kinds.put("a failing prepared statement", it -> fails(these -> prepared(these, "select ? from nowhere", 0), it));
    kinds.put("a batch", Rests::batch);
    kinds.put("a procedure", Rests::call);
    kinds.put("long data", Rests::longData);
    kinds.put("isValid", it -> it.isValid(5));
    kinds.put("another catalog", it -> it.setCatalog("information_schema"));
    kinds.put(
        "a transaction",
        it -> {
          it.setAutoCommit(false);
          batch(it);
          it.commit();
        });
    kinds.put(
        "a rollback",
        it -> {
          it.setAutoCommit(false);
          batch(it);
          it.rollback();
          it.setAutoCommit(true);
        });

    String user = System.getenv("DB_USER");
    String password = System.getenv("DB_PASSWORD");
    try (Connection first = DriverManager.getConnection(url, user, password)) {
      run(first, "create or replace table jdbc_notes (id int, note longblob)");
      run(first, "create or replace procedure jdbc_sets(in a int, out b int) begin select a; select 2, 3; set b = 4; end");
    }
    List<Connection> connections = new ArrayList<>();
    for (Map.Entry<String, Kind> kind : kinds.entrySet()) {
      Connection connection = DriverManager.getConnection(url, user, password);
      System.out.println("behind " + kind.getKey());
      kind.getValue().run(connection);
      connections.add(connection);
    }
    System.out.println(connections.size() + " at rest");
    while (System.in.read() != -1) {}
    Runtime.getRuntime().halt(0);
  }
}
