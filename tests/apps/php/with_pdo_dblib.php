<?php
// An app on PDO's dblib driver (FreeTDS). Its settings come from TDS_ variables; it prints what it saw as JSON.
$seen = [];
try {
    $at = getenv('TDS_HOST') . ':' . getenv('TDS_PORT');
    $version = getenv('TDS_VERSION') ? ';version=' . getenv('TDS_VERSION') : '';
    $pdo = new PDO("dblib:host=$at;dbname=shop;charset=UTF-8$version", getenv('TDS_USER'), getenv('TDS_PASSWORD'));
} catch (PDOException $error) {
    echo json_encode(['refused' => $error->getMessage()]);
    exit(0);
}
$pdo->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
$statement = $pdo->prepare('select top 2 name, price, organic from products where id > ? order by id');
$statement->execute([1]);
$seen['rows'] = $statement->fetchAll(PDO::FETCH_NUM);
$pdo->exec('create table #t (id int identity(1,1) primary key, name nvarchar(100))');
$pdo->beginTransaction();
$pdo->exec("insert into #t (name) values ('lost')");
$pdo->rollBack();
$pdo->exec("insert into #t (name) values (N'kept')");
$seen['kept'] = $pdo->query('select count(*), max(name) from #t')->fetchAll(PDO::FETCH_NUM)[0];
foreach (explode(',', getenv('TDS_COLUMNS') ?: 'c_int') as $name) {
    try {
        $values = $pdo->query("select $name from dbo.every_type order by id")->fetchAll(PDO::FETCH_COLUMN);
        $isBytes = preg_match('/binary|image|hierarchyid|geometry/', $name);
        $seen['every'][$name] = array_map(fn ($value) => $value === null ? null : ($isBytes ? bin2hex($value) : strval($value)), $values);
    } catch (PDOException $error) {
        $seen['every'][$name] = $error->getMessage();
    }
}
$sets = $pdo->query("select 1; select N'two' as two; select 3");
do {
    $seen['sets'][] = $sets->fetchAll(PDO::FETCH_COLUMN);
} while ($sets->nextRowset());
try {
    $pdo->query('select * from nowhere');
} catch (PDOException $error) {
    $seen['error'] = $error->getMessage();
}
echo json_encode($seen, JSON_INVALID_UTF8_SUBSTITUTE);
