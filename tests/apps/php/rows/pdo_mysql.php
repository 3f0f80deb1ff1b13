<?php
// PDO's driver for MySQL, which is mysqlnd in Debian's PHP. Statements are prepared by the server.

require __DIR__ . '/pdo.php';

// It uses no TLS unless one of its files is named, and has no word for that.
[$setting, $options] = match (given('TLS')) {
    'default', 'off' => ['', []],
    'asks' => ['MYSQL_ATTR_SSL_CA=/etc/ssl/certs/ca-certificates.crt', [PDO::MYSQL_ATTR_SSL_CA => '/etc/ssl/certs/ca-certificates.crt']],
    'trusting' => ['MYSQL_ATTR_SSL_CA=/etc/ssl/certs/ca-certificates.crt, MYSQL_ATTR_SSL_VERIFY_SERVER_CERT=false', [
        PDO::MYSQL_ATTR_SSL_CA => '/etc/ssl/certs/ca-certificates.crt',
        PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => false,
    ]],
    'verified' => ['MYSQL_ATTR_SSL_CA=' . given('CA') . ', MYSQL_ATTR_SSL_VERIFY_SERVER_CERT=true', [
        PDO::MYSQL_ATTR_SSL_CA => given('CA'),
        PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => true,
    ]],
};
$dsn = sprintf('mysql:host=%s;port=%s;dbname=%s;charset=utf8mb4', given('HOST'), given('PORT'), given('NAME'));
// `localhost` is a socket file to mysqlnd: the certificate has the address, too.
$dsn = strtr($dsn, ['localhost' => '127.0.0.1']);
$options[PDO::ATTR_EMULATE_PREPARES] = false;
$version = 'PDO mysql, PHP ' . PHP_VERSION . ', mysqlnd';

(new class('mysql', $version, $setting, $dsn, $options) extends PdoApp {
    /** MySQL has milliseconds for statements that read, and answers 1 for a sleep that it ended; MariaDB has seconds, and an error. */
    function cancel(string $long): void {
        if (str_contains($this->one('select version()'), 'MariaDB')) {
            $this->do('set max_statement_time = 0.1');
            assert_same('1969', $this->failing($long));
            $this->do('set max_statement_time = 0');
        } else {
            $this->do('set max_execution_time = 100');
            assert_same('1', $this->one($long));
            $this->do('set max_execution_time = 0');
        }
    }
})->run();
