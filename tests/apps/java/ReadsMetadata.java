// An app on a JDBC driver for SQL Server: every type, and what the driver asks of the catalog. It prints what it saw as JSON.

import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;

public class ReadsMetadata {
    interface Ask {
        ResultSet ask() throws SQLException;
    }

    static final StringBuilder seen = new StringBuilder();

    static String quoted(Object value) {
        String text = String.valueOf(value);
        if (text.length() > 80) text = text.substring(0, 40) + " ... " + text.length();
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n").replace("\0", "\\u0000") + '"';
    }

    static void saw(String name, String json) {
        seen.append(seen.length() == 0 ? "{" : ",").append(quoted(name)).append(':').append(json);
    }

    /** Rows as arrays of texts; these columns of them, or all with their names. */
    static String rows(ResultSet result, String... columns) throws SQLException {
        StringBuilder rows = new StringBuilder("[");
        ResultSetMetaData data = result.getMetaData();
        while (result.next()) {
            StringBuilder row = new StringBuilder();
            if (columns.length > 0) {
                for (String column : columns)
                    row.append(row.length() == 0 ? "[" : ",").append(quoted(result.getString(column)));
                row.append(']');
            } else {
                for (int at = 1; at <= data.getColumnCount(); at++) {
                    row.append(row.length() == 0 ? "{" : ",").append(quoted(data.getColumnName(at))).append(':');
                    row.append(quoted(result.getString(at)));
                }
                row.append('}');
            }
            rows.append(rows.length() == 1 ? "" : ",").append(row);
        }
        return rows.append(']').toString();
    }

    static void ask(String name, Ask ask, String... columns) {
        try (ResultSet result = ask.ask()) {
            saw(name, rows(result, columns));
        } catch (SQLException error) {
            saw(name, quoted(error.getErrorCode() + " " + error.getMessage()));
        }
    }

    public static void main(String[] args) throws Exception {
        String url = System.getenv("TDS_URL");
        try (Connection connection = DriverManager.getConnection(url, System.getenv("TDS_USER"), System.getenv("TDS_PASSWORD"))) {
            Statement statement = connection.createStatement();
            ask("rows", () -> statement.executeQuery("select * from dbo.every_type"));
            DatabaseMetaData data = connection.getMetaData();
            saw("product", quoted(data.getDatabaseProductName() + " " + data.getDatabaseProductVersion()));
            ask("catalogs", data::getCatalogs, "TABLE_CAT");
            ask("schemas", data::getSchemas, "TABLE_SCHEM");
            ask("tables", () -> data.getTables("shop", null, "%", null), "TABLE_NAME", "TABLE_TYPE");
            ask("some tables", () -> data.getTables(null, "dbo", "o%", new String[] {"TABLE"}), "TABLE_NAME");
            ask("columns", () -> data.getColumns(null, "dbo", "products", "%"),
                "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS", "IS_NULLABLE");
            ask("all columns", () -> data.getColumns(null, null, "every_type", "%"), "COLUMN_NAME", "TYPE_NAME");
            ask("keys", () -> data.getPrimaryKeys(null, null, "orders"), "COLUMN_NAME", "KEY_SEQ");
            ask("imported", () -> data.getImportedKeys(null, null, "orders"), "PKTABLE_NAME", "PKCOLUMN_NAME", "FKCOLUMN_NAME");
            ask("exported", () -> data.getExportedKeys(null, null, "products"), "FKTABLE_NAME", "FKCOLUMN_NAME");
            ask("indexes", () -> data.getIndexInfo(null, null, "customers", true, true), "COLUMN_NAME", "NON_UNIQUE");
            ask("best row", () -> data.getBestRowIdentifier(null, null, "orders", DatabaseMetaData.bestRowSession, true), "COLUMN_NAME");
            ask("types", data::getTypeInfo, "TYPE_NAME", "DATA_TYPE");
            ask("procedures", () -> data.getProcedures(null, null, "%"), "PROCEDURE_NAME");
            ask("procedure columns", () -> data.getProcedureColumns(null, null, "%", "%"), "COLUMN_NAME");
            ask("privileges", () -> data.getTablePrivileges(null, null, "orders"), "GRANTEE");
            ask("cursor", () -> connection.createStatement(ResultSet.TYPE_SCROLL_SENSITIVE, ResultSet.CONCUR_UPDATABLE)
                .executeQuery("select id from orders"), "id");
            ask("after", () -> statement.executeQuery("select count(*) as n from orders"), "n");
            try (CallableStatement call = connection.prepareCall("{call sp_executesql(?, ?, ?)}")) {
                call.setString(1, "set @x = cast('2026-03-02' as date)");
                call.setString(2, "@x nvarchar(40) output");
                call.registerOutParameter(3, Types.VARCHAR);
                call.execute();
                saw("given back", quoted(call.getString(3)));
            } catch (SQLException error) {
                saw("given back", quoted(error.getMessage()));
            }
        }
        System.out.println(seen.append('}'));
    }
}
