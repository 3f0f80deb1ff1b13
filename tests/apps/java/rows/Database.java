/** Where the databases' SQL differs. */
enum Database {
    POSTGRES("&", "bytea", "text", "timestamp", "select pg_sleep(600)", "42P01", 0,
        "select count(*) from pg_stat_activity where query = 'select pg_sleep(600)' and state = 'active'"),
    // MySQL itself calls no error what ends a `select sleep(600)` alone.
    MYSQL("&", "longblob", "text", "datetime", "select 1 from information_schema.engines where sleep(600)", "42S02", 1146,
        "select count(*) from information_schema.processlist where info = 'select 1 from information_schema.engines where sleep(600)'"),
    SQL_SERVER(";", "varbinary(max)", "nvarchar(max)", "datetime2", "waitfor delay '0:10:00'", "S0002", 208, null);

    /** What stands between two settings in a URL. */
    final String and;
    final String bytes;
    final String text;
    final String moment;
    final String sleep;
    /** The state and the number of the error that a table is not there. */
    final String noTable;
    final int noTableNumber;
    /** Counts the sessions that sleep; null where an app may not know. */
    final String sleepers;

    Database(String and, String bytes, String text, String moment, String sleep, String noTable, int noTableNumber, String sleepers) {
        this.and = and;
        this.bytes = bytes;
        this.text = text;
        this.moment = moment;
        this.sleep = sleep;
        this.noTable = noTable;
        this.noTableNumber = noTableNumber;
        this.sleepers = sleepers;
    }

    String create(String table) {
        return "create table " + table + " (id int not null primary key, name " + text + " null, price decimal(10, 2) null, made "
            + moment + " null, content " + bytes + " null)";
    }
}
