<?php
// An app on PDO with persistent connections and prepared statements of the server's. It prints what it saw as JSON.

function connect(): PDO {
    $dsn = sprintf('mysql:host=%s;port=%s;charset=utf8mb4', getenv('DB_HOST'), getenv('DB_PORT'));
    return new PDO($dsn, getenv('DB_USER'), getenv('DB_PASSWORD'), [
        PDO::ATTR_PERSISTENT => true,
        PDO::ATTR_EMULATE_PREPARES => false,
        PDO::MYSQL_ATTR_COMPRESS => getenv('DB_COMPRESSION') !== false,
    ]);
}

$seen = [];
$connection = connect();
[$seen['user'], $seen['database']] = $connection->query('select current_user(), database()')->fetch(PDO::FETCH_NUM);
$statement = $connection->prepare('select ? + ?, ?');
$statement->execute([1, 2, 'naïve']);
$seen['prepared'] = array_map(strval(...), $statement->fetch(PDO::FETCH_NUM));
$statement = null;
$thread = $connection->query('select connection_id()')->fetchColumn();
$connection = null;

$connection = connect();
$seen['reused'] = $connection->query('select connection_id()')->fetchColumn() === $thread;
if (getenv('DB_COMPRESSION') !== false) {
    $statement = $connection->prepare('select length(?)');
    $statement->execute([str_repeat(md5('long', true), 20 << 16)]);
    $seen['sent'] = (int) $statement->fetchColumn();
    $statement = null;
    $seen['received'] = strlen($connection->query('select repeat("y", 20 << 20)')->fetchColumn());
}
try {
    $connection->query('select * from nowhere');
} catch (PDOException $error) {
    $seen['error'] = $error->errorInfo[1];
}
echo json_encode($seen, JSON_UNESCAPED_UNICODE), "\n";
