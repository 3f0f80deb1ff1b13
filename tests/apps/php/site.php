<?php
// A site that connects anew for each request, on the extension that the path names. It answers with what it sees of its session, and leaves
// something in it.
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$sees = 'select connection_id(), @mine, @@autocommit';
$leaves = 'set @mine = 1, autocommit = 0';
[$host, $port, $user, $password] = array_map(getenv(...), ['DB_HOST', 'DB_PORT', 'DB_USER', 'DB_PASSWORD']);
if ($_SERVER['REQUEST_URI'] === '/mysqli') {
    $connection = new mysqli($host, $user, $password, null, (int) $port);
    $seen = $connection->query($sees)->fetch_row();
    $connection->query($leaves);
    $connection->close();
} else {
    $connection = new PDO("mysql:host=$host;port=$port", $user, $password);
    $seen = $connection->query($sees)->fetch(PDO::FETCH_NUM);
    $connection->exec($leaves);
}
echo json_encode(array_map(strval(...), $seen));
