// An app on go-sql-driver. It prints what it saw as JSON, or does what its argument says.
package main

import (
	"context"
	"crypto/md5"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

func main() {
	if len(os.Args) == 3 {
		connects(os.Args[1], os.Args[2])
		return
	}
	settings := mysql.NewConfig()
	settings.Net = "tcp"
	settings.Addr = os.Getenv("DB_HOST") + ":" + os.Getenv("DB_PORT")
	settings.User = os.Getenv("DB_USER")
	settings.Passwd = os.Getenv("DB_PASSWORD")
	settings.TLSConfig = os.Getenv("DB_TLS")
	settings.MultiStatements = len(os.Args) > 1
	compression := os.Getenv("DB_COMPRESSION") != ""
	check(settings.Apply(mysql.EnableCompression(compression)))
	pool, err := sql.Open("mysql", settings.FormatDSN())
	check(err)
	defer pool.Close()
	if len(os.Args) > 1 {
		rests(pool)
		return
	}

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

	// More than a packet or an envelope can hold, both ways, and a file.
	if compression {
		long := strings.Repeat(fmt.Sprintf("%x", md5.Sum([]byte("long"))), 20<<15)
		var sent, loaded int
		check(pool.QueryRow("select length(?)", long).Scan(&sent))
		var received string
		check(pool.QueryRow("select repeat('y', 20 << 20)").Scan(&received))
		mysql.RegisterReaderHandler("file", func() io.Reader { return strings.NewReader(strings.Repeat("\x11", 12<<20)) })
		_, err = pool.Exec("create table file (content longblob)")
		check(err)
		_, err = pool.Exec("load data local infile 'Reader::file' into table file fields terminated by 'no' lines terminated by 'none'")
		check(err)
		check(pool.QueryRow("select length(content) from file").Scan(&loaded))
		seen["sent"], seen["received"], seen["loaded"] = sent, len(received), loaded
	}

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
