package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"
)

// row is what a driver tells of itself. What it cannot do at all it says by `cannot`.
type row struct {
	driver, protocol, setting, cannot string
	open                              func() (*sql.DB, error)
	batch                             func(db *sql.DB, table string, count int) error
	code                              func(error) string
}

// story is a row under way.
type story struct {
	row
	dialect
	db    *sql.DB
	table string
}

type step struct {
	name string
	do   func(*story) error
}

var whole = []step{
	{"create", create}, {"parameters", parameters}, {"prepared", prepared}, {"rollback", rollback}, {"large", large}, {"nulls", nulls},
	{"unicode", unicode}, {"batch", batch}, {"error", fails}, {"cancel", cancel}, {"pool", pool}, {"metadata", metadata}, {"", drop},
	{"proxy restart", restart("proxy")}, {"upstream restart", restart("upstream")},
}

var short = []step{{"parameters", parameters}, {"large", large}, {"error", fails}}

// tell tells the story, which ends where it fails.
func tell(row row) {
	say("driver: %s", row.driver)
	if row.cannot != "" {
		say("cannot: %s: %s", os.Getenv("DB_TLS"), row.cannot)
		return
	}
	say("setting: %s", row.setting)
	db, err := row.open()
	if err == nil {
		err = db.Ping()
	}
	if err != nil {
		say("refused: %v", err)
		return
	}
	defer db.Close()
	db.SetMaxOpenConns(10)
	db.SetMaxIdleConns(10)
	told := &story{row: row, dialect: dialects[row.protocol], db: db}
	steps := short
	if os.Getenv("DB_STORY") == "whole" {
		told.table = fmt.Sprintf("things_go_%d_%d", os.Getpid(), time.Now().UnixNano())
		steps = whole
	}
	for _, step := range append([]step{{"connect", connect}}, steps...) {
		if err := step.do(told); err != nil {
			log.Fatalf("%s: %v", step.name, err)
		}
		if step.name != "" {
			say("did: %s", step.name)
		}
	}
}

func connect(s *story) error {
	return answers(s.db.QueryRow("select 1"), 1)
}

func create(s *story) error {
	_, err := s.db.Exec(fmt.Sprintf("create table %s (id int primary key, name %s)", s.table, s.name))
	return err
}

func drop(s *story) error {
	_, err := s.db.Exec("drop table " + s.table)
	return err
}

func parameters(s *story) error {
	if err := s.adds(1, 2); err != nil || s.table == "" {
		return err
	}
	return s.keeps(1, "O'Hara \\ \"quoted\"")
}

func prepared(s *story) error {
	twice, err := s.db.Prepare(s.twice)
	if err != nil {
		return err
	}
	defer twice.Close()
	for number := range 20 {
		if err := answers(twice.QueryRow(number), float64(number*2)); err != nil {
			return err
		}
	}
	return nil
}

func rollback(s *story) error {
	for _, kept := range []bool{false, true} {
		tx, err := s.db.Begin()
		if err != nil {
			return err
		}
		if _, err := tx.Exec(s.insert(), 10, "in a transaction"); err != nil {
			return err
		}
		end := tx.Rollback
		if kept {
			end = tx.Commit
		}
		if err := end(); err != nil {
			return err
		}
		there := map[bool]int{true: 1}[kept]
		if err := answers(s.db.QueryRow("select count(*) from "+s.table+" where id = 10"), there); err != nil {
			return err
		}
	}
	return nil
}

func large(s *story) error {
	value := make([]byte, 5<<20)
	for at := range value {
		value[at] = byte(at*7 + at/251)
	}
	return answers(s.db.QueryRow(s.echo, value), string(value))
}

func nulls(s *story) error {
	if _, err := s.db.Exec(s.insert(), 20, nil); err != nil {
		return err
	}
	return answers(s.nameOf(20), sql.NullString{})
}

func unicode(s *story) error { return s.keeps(30, "Grüße, 世界 🎉") }

func batch(s *story) error {
	if err := s.row.batch(s.db, s.table, 500); err != nil {
		return err
	}
	return answers(s.db.QueryRow("select count(*) from "+s.table+" where id >= 1000"), 500)
}

func fails(s *story) error {
	_, err := s.db.Exec("select * from nowhere")
	return errors.Join(same(s.code(err), s.noTable), s.adds(1, 2))
}

// The driver asks the server to stop, or closes the connection.
func cancel(s *story) error {
	patience, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	_, err := s.db.ExecContext(patience, s.sleep)
	if err == nil || patience.Err() == nil {
		return fmt.Errorf("ended before its time: %v", err)
	}
	return s.adds(1, 2)
}

func pool(s *story) error {
	ended := make(chan error)
	for task := range 10 {
		go func() {
			var err error
			for number := range 10 {
				err = errors.Join(err, s.db.Ping(), s.adds(task, number))
			}
			ended <- err
		}()
	}
	var err error
	for range 10 {
		err = errors.Join(err, <-ended)
	}
	return err
}

// What comes has a column for the names of the columns, and may have others.
func metadata(s *story) error {
	rows, err := s.db.Query(s.columns, s.table)
	if err != nil {
		return err
	}
	defer rows.Close()
	headings, err := rows.Columns()
	if err != nil {
		return err
	}
	var name string
	into := make([]any, len(headings))
	for at, heading := range headings {
		into[at] = new(any)
		if strings.EqualFold(heading, "column_name") {
			into[at] = &name
		}
	}
	names := ""
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		names += name + " "
	}
	return errors.Join(rows.Err(), same(names, "id name "))
}

var input = bufio.NewReader(os.Stdin)

// What the pool held may fail once each: database/sql reports it of a ping, and tries a query again itself.
func restart(what string) func(*story) error {
	return func(s *story) error {
		say("now: %s restarts", what)
		if _, err := input.ReadString('\n'); err != nil {
			return err
		}
		err := pool(s)
		for attempt := 1; err != nil && attempt < 50; attempt++ {
			time.Sleep(50 * time.Millisecond)
			err = pool(s)
		}
		return err
	}
}

// adds lets the server add two numbers.
func (s *story) adds(one, other int) error {
	return answers(s.db.QueryRow(s.sum, one, other), float64(one+other))
}

// keeps says whether a name that is inserted comes back.
func (s *story) keeps(id int, name string) error {
	if _, err := s.db.Exec(s.insert(), id, name); err != nil {
		return err
	}
	return answers(s.nameOf(id), name)
}

func (s *story) nameOf(id int) *sql.Row {
	return s.db.QueryRow(fmt.Sprintf("select name from %s where id = %s", s.table, s.place(1)), id)
}

func (s *story) insert() string {
	return fmt.Sprintf("insert into %s (id, name) values (%s, %s)", s.table, s.place(1), s.place(2))
}

// answers says whether a row is this one value.
func answers[T comparable](row *sql.Row, wanted T) error {
	var seen T
	if err := row.Scan(&seen); err != nil {
		return err
	}
	return same(seen, wanted)
}

func same[T comparable](seen, wanted T) error {
	if seen != wanted {
		return fmt.Errorf("%.100v is not %.100v", seen, wanted)
	}
	return nil
}
