// An app on go-mssqldb. Its settings come from TDS_ variables; it prints what it saw as JSON.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"os"

	mssql "github.com/microsoft/go-mssqldb"
)

func main() {
	if len(os.Args) == 2 {
		connects(os.Args[1])
		return
	}
	seen := map[string]any{}
	if err := talk(seen); err != nil {
		seen["refused"] = err.Error()
	}
	text, _ := json.Marshal(seen)
	fmt.Println(string(text))
}

func talk(seen map[string]any) error {
	query := url.Values{"database": {"shop"}, "encrypt": {map[string]string{"off": "disable", "on": "true", "strict": "strict"}[os.Getenv("TDS_ENCRYPT")]}}
	if os.Getenv("TDS_ENCRYPT") == "strict" {
		query.Set("certificate", os.Getenv("TDS_CA_FILE"))
		query.Set("hostNameInCertificate", "localhost")
	} else {
		query.Set("TrustServerCertificate", "true")
	}
	at := url.URL{
		Scheme:   "sqlserver",
		Host:     os.Getenv("TDS_HOST") + ":" + os.Getenv("TDS_PORT"),
		User:     url.UserPassword(os.Getenv("TDS_USER"), os.Getenv("TDS_PASSWORD")),
		RawQuery: query.Encode(),
	}
	db, err := sql.Open("sqlserver", at.String())
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)

	rows, err := db.Query("select top 2 name, price, organic from products where id > @p1 order by id", 1)
	if err != nil {
		return err
	}
	all := []any{}
	for rows.Next() {
		var name, price string
		var organic bool
		if err := rows.Scan(&name, &price, &organic); err != nil {
			return err
		}
		all = append(all, []any{name, price, organic})
	}
	rows.Close()
	seen["rows"] = all

	var text string
	var nothing sql.NullInt64
	if err := db.QueryRow("select @p1 + N'é', @p2", "naïve", nil).Scan(&text, &nothing); err != nil {
		return err
	}
	seen["parameters"] = []any{text, nothing.Valid}

	// Pooled connections are reset when they are taken again: what must stay is no temporary table.
	if _, err := db.Exec("create table go_rows (id int identity(1,1) primary key, name nvarchar(max), n int)"); err != nil {
		return err
	}
	defer db.Exec("drop table go_rows")
	lost, err := db.Begin()
	if err != nil {
		return err
	}
	lost.Exec("insert into go_rows (name) values ('lost')")
	lost.Rollback()

	load, err := db.Begin()
	if err != nil {
		return err
	}
	defer load.Rollback()
	var bulk *sql.Stmt
	// With TDS 8.0 this driver writes columns as TDS 7.1 did, which no server understands.
	if os.Getenv("TDS_ENCRYPT") == "strict" {
		bulk, err = load.Prepare("insert into go_rows (name, n) values (@p1, @p2)")
	} else {
		bulk, err = load.Prepare(mssql.CopyIn("go_rows", mssql.BulkOptions{}, "name", "n"))
	}
	if err != nil {
		return err
	}
	for number := range 1000 {
		if _, err := bulk.Exec(fmt.Sprintf("name %d", number), number); err != nil {
			return err
		}
	}
	if os.Getenv("TDS_ENCRYPT") != "strict" {
		if _, err := bulk.Exec(); err != nil {
			return err
		}
	}
	bulk.Close()
	if err := load.Commit(); err != nil {
		return err
	}
	var count, most int
	if err := db.QueryRow("select count(*), max(n) from go_rows").Scan(&count, &most); err != nil {
		return err
	}
	seen["kept"] = []int{count, most}

	ctx, cancel := context.WithCancel(context.Background())
	go cancel()
	_, err = db.ExecContext(ctx, "waitfor delay '00:10:00'")
	seen["cancelled"] = fmt.Sprint(err)

	_, err = db.Query("select * from nowhere")
	seen["error"] = fmt.Sprint(err)
	return nil
}

// connects prints the number of products, with the settings of its argument.
func connects(settings string) {
	db, err := sql.Open("sqlserver", settings)
	var count int
	if err == nil {
		err = db.QueryRow("select count(*) from products").Scan(&count)
	}
	if err != nil {
		panic(err)
	}
	fmt.Println(count)
}
