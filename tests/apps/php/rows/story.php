<?php
// The story of every row of PHP: what its apps do with a database, told to the runner line by line.

// What a person reads beside an exception.
$warnings = [];
set_error_handler(function (int $level, string $text) use (&$warnings): bool {
    $warnings[] = $text;
    return true;
});

function say(string $line): void {
    echo preg_replace('/\s*\n\s*/', ' ', $line), "\n";
}

function given(string $name): string {
    return getenv("DB_$name");
}

function assert_same(mixed $expected, mixed $seen): void {
    if ($expected !== $seen) {
        $short = fn (mixed $value) => substr(json_encode($value), 0, 200);
        throw new LogicException("not {$short($expected)} but {$short($seen)}");
    }
}

/** An app on one driver. Rows are lists of strings and NULLs, whatever a driver makes of numbers. */
abstract class App {
    protected object $database;
    private string $table;
    private array $words;

    private const WHOLE = [
        'connect' => 'selects', 'create' => 'creates', 'parameters' => 'inserts', 'prepared' => 'inserts_in_a_loop',
        'rollback' => 'rolls_back', 'large' => 'sends_much', 'nulls' => 'inserts_null', 'unicode' => 'inserts_letters',
        'batch' => 'inserts_many', 'error' => 'runs_into_an_error', 'cancel' => 'is_cancelled', 'pool' => 'uses_a_pool',
        'metadata' => 'finds_the_columns', 'proxy restart' => 'survives', 'upstream restart' => 'survives',
    ];
    private const SHORT = [
        'connect' => 'selects', 'parameters' => 'selects_a_parameter', 'large' => 'sends_much', 'error' => 'runs_into_an_error',
    ];

    /** What differs between the databases: a text of any length, the error of a table that is not there, a statement of ten minutes. */
    private const WORDS = [
        'postgres' => ['text', '42P01', 'select pg_sleep(600)'],
        'mysql' => ['longtext character set utf8mb4', '1146', 'select sleep(600)'],
        'tds' => ['nvarchar(max)', '208', "waitfor delay '0:10:00'"],
    ];

    function __construct(string $protocol, private string $driver, private string $setting) {
        $this->words = array_combine(['text', 'no table', 'long'], self::WORDS[$protocol]);
        $this->table = 'things_' . bin2hex(random_bytes(4));
    }

    abstract function connect(): object;
    abstract function rows(object $database, string $sql, array $values = []): array;
    /** What executes a prepared statement with values. */
    abstract function prepared(string $sql): Closure;
    abstract function begin(): void;
    abstract function commit(): void;
    abstract function roll_back(): void;
    abstract function ping(object $database): void;
    /** SQLSTATE or number of the server's error. */
    abstract function code(Throwable $error): string;
    /** Ends a statement of ten minutes before its time. */
    abstract function cancel(string $long): void;

    function run(): void {
        say("driver: $this->driver");
        say("setting: $this->setting");
        try {
            $this->database = $this->connect();
        } catch (Exception $error) {
            global $warnings;
            say('refused: ' . implode(' ', [...$warnings, $error->getMessage()]));
            return;
        }
        foreach (given('STORY') === 'short' ? self::SHORT : self::WHOLE as $step => $what) {
            if ($what === 'survives') {
                say('now: ' . strtr($step, ['restart' => 'restarts']));
                fgets(STDIN);
            }
            $this->$what();
            say("did: $step");
        }
        if (given('STORY') !== 'short') {
            $this->do("drop table if exists $this->table");
        }
    }

    /** The first value of the first row. */
    function one(string $sql, array $values = []): ?string {
        return $this->rows($this->database, $sql, $values)[0][0];
    }

    function do(string $sql, array $values = []): void {
        $this->rows($this->database, $sql, $values);
    }

    function failing(string $sql): string {
        try {
            $this->do($sql);
        } catch (Exception $error) {
            return $this->code($error);
        }
        return 'none';
    }

    private function count(): int {
        return (int) $this->one("select count(*) from $this->table");
    }

    private function selects(): void {
        assert_same('42', $this->one('select 40 + 2'));
    }

    private function creates(): void {
        $this->do("create table $this->table (id int primary key, name {$this->words['text']})");
    }

    private function inserts(): void {
        $this->inserted(1, 'a name');
    }

    private function inserted(int $id, ?string $name): void {
        $this->do("insert into $this->table (id, name) values (?, ?)", [$id, $name]);
        assert_same($name, $this->one("select name from $this->table where id = ?", [$id]));
    }

    private function selects_a_parameter(): void {
        assert_same('a name', $this->echoed('a name'));
    }

    private function echoed(string $text): ?string {
        $type = strtr($this->words['text'], ['longtext' => 'char']);
        return $this->one("select cast(? as $type)", [$text]);
    }

    private function inserts_in_a_loop(): void {
        $insert = $this->prepared("insert into $this->table (id, name) values (?, ?)");
        for ($id = 101; $id <= 120; $id++) {
            $insert([$id, "number $id"]);
        }
        assert_same('20', $this->one("select count(*) from $this->table where id > 100"));
    }

    private function rolls_back(): void {
        $before = $this->count();
        $this->begin();
        $this->do("insert into $this->table (id, name) values (201, 'lost')");
        $this->roll_back();
        assert_same($before, $this->count());
        $this->begin();
        $this->do("insert into $this->table (id, name) values (202, 'kept')");
        $this->commit();
        assert_same($before + 1, $this->count());
    }

    private function sends_much(): void {
        $much = str_repeat(md5('much'), 5 << 15);
        assert_same(5 << 20, strlen($much));
        if (given('STORY') === 'short') {
            assert_same(true, $this->echoed($much) === $much);
            return;
        }
        $this->do("insert into $this->table (id, name) values (301, ?)", [$much]);
        assert_same(true, $this->one("select name from $this->table where id = 301") === $much);
    }

    private function inserts_null(): void {
        $this->inserted(401, null);
    }

    private function inserts_letters(): void {
        $this->inserted(501, 'Grüße, 世界 🎉');
    }

    private function inserts_many(): void {
        $before = $this->count();
        $values = [];
        for ($id = 1001; $id <= 1500; $id++) {
            array_push($values, $id, "of many $id");
        }
        $this->do("insert into $this->table (id, name) values " . implode(', ', array_fill(0, 500, '(?, ?)')), $values);
        assert_same($before + 500, $this->count());
    }

    private function runs_into_an_error(): void {
        assert_same($this->words['no table'], $this->failing('select * from nowhere_at_all'));
        $this->selects();
    }

    private function is_cancelled(): void {
        $this->cancel($this->words['long']);
        $this->selects();
    }

    /** PHP has no threads: a pool is what a worker has open. */
    private function uses_a_pool(): void {
        $pool = array_map(fn () => $this->connect(), range(1, 10));
        for ($use = 0; $use < 100; $use++) {
            $connection = $pool[$use % 10];
            $this->ping($connection);
            assert_same((string) $use, $this->rows($connection, 'select ? + 0', [$use])[0][0]);
        }
    }

    private function finds_the_columns(): void {
        assert_same(['id', 'name'], array_map(strtolower(...), $this->columns($this->table)));
    }

    /** Names of a table's columns. */
    function columns(string $table): array {
        $sql = 'select column_name from information_schema.columns where table_name = ? order by ordinal_position';
        return array_column($this->rows($this->database, $sql, [$table]), 0);
    }

    /** As long-running workers do: what fails is done again, on a new connection. */
    private function survives(): void {
        for ($attempt = 1;; $attempt++) {
            try {
                $this->selects();
                return;
            } catch (Exception $error) {
                if ($attempt === 50) {
                    throw $error;
                }
            }
            try {
                $this->database = $this->connect();
            } catch (Exception) {
                usleep(50_000);
            }
        }
    }
}
