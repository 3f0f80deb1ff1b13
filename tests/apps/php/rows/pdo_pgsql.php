<?php
// PDO's driver for PostgreSQL.

require __DIR__ . '/pdo.php';
require __DIR__ . '/libpq.php';

(new class extends PdoApp {
    function __construct() {
        $dsn = sprintf("pgsql:host=%s port=%s dbname='%s' %s", given('HOST'), given('PORT'), given('NAME'), tls());
        parent::__construct('postgres', 'PDO pgsql, ' . versions('pdo_pgsql'), tls(), $dsn);
    }

    function code(Throwable $error): string {
        return $error->getCode();
    }

    function cancel(string $long): void {
        $this->do('set statement_timeout = 100');
        assert_same('57014', $this->failing($long));
        $this->do('reset statement_timeout');
    }
})->run();
