<?php
// An app on mysqli that connects by the words of its argument. It prints the number of products.
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$database = mysqli_init();
eval($argv[1] . ';');
echo $database->query('select count(*) from products')->fetch_row()[0], "\n";
