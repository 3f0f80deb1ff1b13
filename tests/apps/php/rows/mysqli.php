<?php
// mysqli, as most sites and frameworks of PHP have it. With the word `persistent` its connections outlive the scripts that use them.

require __DIR__ . '/story.php';

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

final class MysqliApp extends App {
    // `localhost` is a socket file to mysqlnd: the certificate has the address, too.
    private const HOST = '127.0.0.1';

    function connect(): mysqli {
        global $argv;
        $database = mysqli_init();
        $tls = given('TLS');
        if ($tls === 'verified') {
            $database->ssl_set(null, null, given('CA'), null, null);
            $database->options(MYSQLI_OPT_SSL_VERIFY_SERVER_CERT, true);
        }
        $host = (in_array('persistent', $argv) ? 'p:' : '') . self::HOST;
        $flags = self::SETTINGS[$tls][0];
        $database->real_connect($host, given('USER'), given('PASSWORD'), given('NAME'), (int) given('PORT'), null, $flags);
        $database->set_charset('utf8mb4');
        return $database;
    }

    // It uses no TLS unless it is told, and has no word for that.
    const SETTINGS = [
        'default' => [0, ''],
        'off' => [0, ''],
        'asks' => [MYSQLI_CLIENT_SSL, 'MYSQLI_CLIENT_SSL'],
        'trusting' => [MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_DONT_VERIFY_SERVER_CERT, 'MYSQLI_CLIENT_SSL, MYSQLI_CLIENT_SSL_DONT_VERIFY_SERVER_CERT'],
        'verified' => [MYSQLI_CLIENT_SSL, 'ssl_set(ca: ca.pem), MYSQLI_OPT_SSL_VERIFY_SERVER_CERT'],
    ];

    function rows(object $database, string $sql, array $values = []): array {
        $result = $database->execute_query($sql, $values);
        return is_bool($result) ? [] : array_map(self::strings(...), $result->fetch_all());
    }

    private static function strings(array $row): array {
        return array_map(fn (mixed $value) => $value === null ? null : (string) $value, $row);
    }

    function prepared(string $sql): Closure {
        return $this->database->prepare($sql)->execute(...);
    }

    function begin(): void {
        $this->database->begin_transaction();
    }

    function commit(): void {
        $this->database->commit();
    }

    function roll_back(): void {
        $this->database->rollback();
    }

    function ping(object $database): void {
        assert_same(true, $database->ping());
    }

    function code(Throwable $error): string {
        return (string) $error->getCode();
    }

    /** From another connection, by the number of this one. */
    function cancel(string $long): void {
        $this->database->query($long, MYSQLI_ASYNC);
        $other = $this->connect();
        $running = "select count(*) from information_schema.processlist where id = {$this->database->thread_id} and info = '$long'";
        while ($this->rows($other, $running) === [['0']]) {
            usleep(1000);
        }
        $other->query("kill query {$this->database->thread_id}");
        $other->close();
        // MySQL answers 1 for a sleep that was interrupted, MariaDB has an error.
        try {
            assert_same('1', (string) $this->database->reap_async_query()->fetch_row()[0]);
        } catch (mysqli_sql_exception $error) {
            assert_same(1317, $error->getCode());
        }
    }
}

(new MysqliApp('mysql', 'mysqli, PHP ' . PHP_VERSION . ', ' . mysqli_get_client_info(), MysqliApp::SETTINGS[given('TLS')][1]))->run();
