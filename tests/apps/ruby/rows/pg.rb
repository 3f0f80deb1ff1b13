# frozen_string_literal: true

# ruby-pg, on libpq.

require 'pg'
require_relative 'story'

# An app on it.
class PgApp < App
  SETTING = {
    'default' => '', 'off' => 'sslmode=disable', 'asks' => 'sslmode=require', 'trusting' => 'sslmode=require',
    'verified' => "sslmode=verify-full sslrootcert=#{given('CA')}"
  }[given('TLS')]

  def connect
    words = "host=#{given('HOST')} port=#{given('PORT')} dbname='#{given('NAME')}' user=#{given('USER')} password='#{given('PASSWORD')}'"
    PG.connect("#{words} #{SETTING}")
  end

  def rows(connection, sql, values = [])
    connection.exec_params(numbered(sql), values).values
  end

  # Its parameters have numbers.
  def numbered(sql)
    number = 0
    sql.gsub('?') { "$#{number += 1}" }
  end

  def prepared(sql)
    @database.prepare('insert', numbered(sql))
    ->(values) { @database.exec_prepared('insert', values) }
  end

  # All are on the way before the first is answered.
  def insert_many(table, rows)
    @database.enter_pipeline_mode
    rows.each { |row| @database.send_query_params("insert into #{table} values ($1, $2)", row) }
    @database.pipeline_sync
    rows.each do
      @database.get_result.check
      same(nil, @database.get_result)
    end
    same(PG::PGRES_PIPELINE_SYNC, @database.get_result.result_status)
    @database.exit_pipeline_mode
  end

  def code(error)
    error.result&.error_field(PG::Result::PG_DIAG_SQLSTATE)
  end

  # A cancel request that comes before its query ends nothing.
  def cancel
    @database.send_query('select pg_sleep(600)')
    other = connect
    running = "select count(*) from pg_stat_activity where pid = ? and state = 'active' and query like 'select pg_sleep%'"
    nil while rows(other, running, [@database.backend_pid]) == [['0']]
    other.close
    same(nil, @database.cancel)
    @database.get_last_result
  rescue PG::QueryCanceled
    nil
  else
    raise 'not cancelled'
  end

  def ping(connection)
    connection.exec('')
  end
end

libpq = PG.library_version
PgApp.new(text: 'text', no_table: '42P01').tell("ruby-pg #{PG::VERSION}, libpq #{libpq / 10_000}.#{libpq % 10_000}", PgApp::SETTING)
