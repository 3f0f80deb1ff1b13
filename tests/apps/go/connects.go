package main

import (
	"database/sql"
	"fmt"

	_ "github.com/lib/pq"
)

// connects prints the number of products, with the driver and the settings of its arguments.
func connects(driver, settings string) {
	pool, err := sql.Open(driver, settings)
	check(err)
	defer pool.Close()
	var count int
	check(pool.QueryRow("select count(*) from products").Scan(&count))
	fmt.Println(count)
}
