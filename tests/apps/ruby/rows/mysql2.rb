# frozen_string_literal: true

# mysql2, which Rails is on.

require 'mysql2'
require_relative 'story'

# An app on it.
class Mysql2App < App
  # `ssl_mode: :required` alone means nothing to MariaDB's library, which Debian has it on.
  SETTINGS = {
    'default' => {}, 'off' => { ssl_mode: :disabled }, 'asks' => { sslverify: true }, 'trusting' => { ssl_mode: :required, sslverify: false },
    'verified' => { sslverify: true, sslca: given('CA') }
  }.freeze

  # `localhost` is a socket file to its library: the certificate has the address, too.
  def connect
    place = { host: '127.0.0.1', port: given('PORT').to_i, username: given('USER'), password: given('PASSWORD'), database: given('NAME') }
    Mysql2::Client.new(**place, encoding: 'utf8mb4', **SETTINGS[given('TLS')])
  end

  def rows(connection, sql, values = [])
    result = values.empty? ? connection.query(sql, as: :array) : connection.prepare(sql).execute(*values, as: :array)
    result.to_a.map { |row| row.map { |value| value&.to_s } }
  end

  def prepared(sql)
    statement = @database.prepare(sql)
    ->(values) { statement.execute(*values) }
  end

  def insert_many(table, rows)
    run("insert into #{table} (id, name) values #{(['(?, ?)'] * rows.size).join(', ')}", rows.flatten)
  end

  def code(error)
    error.error_number
  end

  # From another connection, by the number of this one.
  def cancel
    id = @database.thread_id
    killer = Thread.new do
      other = connect
      running = "select count(*) from information_schema.processlist where id = #{id} and info = 'select sleep(600)'"
      nil while rows(other, running) == [['0']]
      other.query("kill query #{id}")
      other.close
    end
    # MySQL answers 1 for a sleep that was interrupted, MariaDB has an error.
    begin
      same('1', one('select sleep(600)'))
    rescue Mysql2::Error => e
      same(1317, e.error_number)
    end
    killer.join
  end

  def ping(connection)
    same(true, connection.ping)
  end
end

setting = Mysql2App::SETTINGS[given('TLS')].map { |name, value| "#{name}: #{value}" }.join(', ')
library = Mysql2::Client.info[:version]
Mysql2App.new(text: 'longtext character set utf8mb4', no_table: 1146).tell("mysql2 #{Mysql2::VERSION}, libmariadb #{library}", setting)
