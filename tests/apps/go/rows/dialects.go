package main

import "fmt"

// dialect is the SQL of one protocol's story.
type dialect struct {
	place                                           func(number int) string
	name, sum, twice, echo, sleep, columns, noTable string
}

const columns = "select column_name from information_schema.columns where table_name = %s order by ordinal_position"

func numbered(prefix string) func(int) string {
	return func(number int) string { return fmt.Sprint(prefix, number) }
}

var dialects = map[string]dialect{
	"postgres": {
		numbered("$"), "varchar(100)", "select $1::int + $2::int", "select $1::int * 2", "select $1::bytea",
		"select pg_sleep(600)", fmt.Sprintf(columns, "$1"), "42P01",
	},
	"mysql": {
		func(int) string { return "?" }, "varchar(100) character set utf8mb4", "select ? + ?", "select ? * 2", "select ?",
		"select sleep(600)", fmt.Sprintf(columns, "?"), "1146",
	},
	"tds": {
		numbered("@p"), "nvarchar(100)", "select @p1 + @p2", "select @p1 + @p1", "select @p1",
		"waitfor delay '0:10:00'", "exec sp_columns @p1", "208",
	},
}
