<?php
// What apps on PDO have in common, whichever its driver.

require __DIR__ . '/story.php';

abstract class PdoApp extends App {
    function __construct(string $protocol, string $driver, string $setting, private string $dsn, private array $options = []) {
        parent::__construct($protocol, $driver, $setting);
    }

    function connect(): PDO {
        $options = $this->options + [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION];
        return new PDO($this->dsn, given('USER'), given('PASSWORD'), $options);
    }

    function rows(object $database, string $sql, array $values = []): array {
        $statement = $database->prepare($sql);
        $statement->execute($values);
        return $statement->columnCount() ? array_map(self::strings(...), $statement->fetchAll(PDO::FETCH_NUM)) : [];
    }

    private static function strings(array $row): array {
        return array_map(fn (mixed $value) => $value === null ? null : (string) $value, $row);
    }

    function prepared(string $sql): Closure {
        return $this->database->prepare($sql)->execute(...);
    }

    function begin(): void {
        $this->database->beginTransaction();
    }

    function commit(): void {
        $this->database->commit();
    }

    function roll_back(): void {
        $this->database->rollBack();
    }

    function ping(object $database): void {
        $database->query('select 1')->fetchAll();
    }

    function code(Throwable $error): string {
        return (string) $error->errorInfo[1];
    }
}
