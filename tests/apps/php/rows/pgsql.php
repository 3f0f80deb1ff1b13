<?php
// The extension pgsql: libpq's own calls.

require __DIR__ . '/story.php';
require __DIR__ . '/libpq.php';

final class PgsqlApp extends App {
    function connect(): PgSql\Connection {
        $words = "host=%s port=%s dbname='%s' user=%s password='%s' %s";
        $words = sprintf($words, given('HOST'), given('PORT'), given('NAME'), given('USER'), given('PASSWORD'), tls());
        return pg_connect($words, PGSQL_CONNECT_FORCE_NEW) ?: throw new RuntimeException('no connection');
    }

    function rows(object $database, string $sql, array $values = []): array {
        pg_send_query_params($database, self::numbered($sql), $values) ?: throw new RuntimeException(pg_last_error($database));
        return self::result($database);
    }

    /** Its parameters have numbers. */
    private static function numbered(string $sql): string {
        return preg_replace_callback('/\?/', function () use (&$number): string {
            return '$' . ++$number;
        }, $sql);
    }

    private static function result(PgSql\Connection $database): array {
        $result = pg_get_result($database) ?: throw new RuntimeException(pg_last_error($database));
        while (pg_get_result($database)) {
        }
        if ($text = pg_result_error($result)) {
            throw new RuntimeException(pg_result_error_field($result, PGSQL_DIAG_SQLSTATE) ?? $text);
        }
        return pg_fetch_all($result, PGSQL_NUM);
    }

    function prepared(string $sql): Closure {
        pg_prepare($this->database, 'insert', self::numbered($sql));
        return fn (array $values) => pg_execute($this->database, 'insert', $values);
    }

    function begin(): void {
        $this->do('begin');
    }

    function commit(): void {
        $this->do('commit');
    }

    function roll_back(): void {
        $this->do('rollback');
    }

    function ping(object $database): void {
        assert_same(true, pg_ping($database));
    }

    function code(Throwable $error): string {
        return $error->getMessage();
    }

    function cancel(string $long): void {
        $other = $this->connect();
        pg_send_query($this->database, $long);
        // A cancel request that comes before its query ends nothing.
        $running = "select count(*) from pg_stat_activity where pid = ? and state = 'active' and query = ?";
        while ($this->rows($other, $running, [pg_get_pid($this->database), $long]) === [['0']]) {
            usleep(1000);
        }
        // This sends a cancel request, and waits for the query's end.
        pg_cancel_query($this->database);
    }

    function columns(string $table): array {
        return array_keys(pg_meta_data($this->database, $table));
    }
}

(new PgsqlApp('postgres', 'pgsql, ' . versions('pgsql'), tls()))->run();
