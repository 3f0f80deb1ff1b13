<?php
// PDO's driver for SQL Server on Linux: DB-Library of FreeTDS. Its words for TLS are in `freetds.conf`.

require __DIR__ . '/pdo.php';

$setting = match (given('TLS')) {
    'default' => '',
    'off' => 'encryption = off',
    // It verifies where it is told an authority, and there alone.
    'asks', 'trusting' => 'encryption = require',
    'verified' => 'encryption = require, ca file = ' . given('CA'),
};
if ($setting !== '') {
    $file = tempnam('', 'freetds');
    file_put_contents($file, "[global]\n" . strtr($setting, [', ' => "\n"]) . "\n");
    putenv("FREETDSCONF=$file");
    register_shutdown_function(unlink(...), $file);
}
$dsn = sprintf('dblib:host=%s:%s;dbname=%s;charset=UTF-8', given('HOST'), given('PORT'), given('NAME'));
// What it quotes is national text.
$options = [PDO::ATTR_DEFAULT_STR_PARAM => PDO::PARAM_STR_NATL];

(new class('tds', 'PDO dblib, PHP ' . PHP_VERSION . ', FreeTDS', $setting, $dsn, $options) extends PdoApp {
    /** The server's own number is in no error of DB-Library: 20018 says that there is a text of the server's. */
    function code(Throwable $error): string {
        $number = parent::code($error);
        return $number === '20018' && str_contains($error->getMessage(), 'Invalid object name') ? '208' : $number;
    }

    function columns(string $table): array {
        return array_column($this->rows($this->database, 'exec sp_columns ?', [$table]), 3);
    }

    /** It has seconds alone. */
    function cancel(string $long): void {
        $this->database->setAttribute(PDO::DBLIB_ATTR_QUERY_TIMEOUT, 1);
        assert_same('20003', $this->failing($long));
        $this->database = $this->connect();
    }
})->run();
