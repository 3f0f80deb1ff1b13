// An app on go-sql-driver. It prints what it saw as JSON.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/go-sql-driver/mysql"
)

func main() {
	settings := mysql.NewConfig()
	settings.Net = "tcp"
	settings.Addr = os.Getenv("DB_HOST") + ":" + os.Getenv("DB_PORT")
	settings.User = os.Getenv("DB_USER")
	settings.Passwd = os.Getenv("DB_PASSWORD")
	settings.TLSConfig = os.Getenv("DB_TLS")
	pool, err := sql.Open("mysql", settings.FormatDSN())
	check(err)
	defer pool.Close()

	seen := map[string]any{}
	var user, database string
	check(pool.QueryRow("select current_user(), database()").Scan(&user, &database))
	seen["user"], seen["database"] = user, database

	var sum float64
	var word string
	check(pool.QueryRow("select ? + ?, ?", 1, 2, "naïve").Scan(&sum, &word))
	seen["prepared"] = fmt.Sprintf("%v %s", sum, word)

	// The driver closes the connection at the end of the time.
	patience, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err = pool.ExecContext(patience, "select sleep(600)")
	seen["timed_out"] = errors.Is(err, context.DeadlineExceeded)

	_, err = pool.Exec("select * from nowhere")
	var told *mysql.MySQLError
	if errors.As(err, &told) {
		seen["error"] = told.Number
	}
	check(json.NewEncoder(os.Stdout).Encode(seen))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
