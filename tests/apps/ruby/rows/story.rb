# frozen_string_literal: true

# The story of every row of Ruby: what its apps do with a database, told to the runner line by line.

require 'securerandom'
$stdout.sync = true

def say(line)
  puts line.gsub(/\s*\n\s*/, ' ').strip
end

def given(name)
  ENV["DB_#{name}"]
end

def same(expected, seen)
  raise "not #{expected.inspect[0, 200]} but #{seen.inspect[0, 200]}" unless expected == seen
end

# An app on one driver. Rows are lists of strings and nils, whatever a driver makes of numbers.
class App
  WHOLE = {
    'connect' => :selects, 'create' => :creates, 'parameters' => :inserts, 'prepared' => :inserts_in_a_loop,
    'rollback' => :rolls_back, 'large' => :sends_much, 'nulls' => :inserts_null, 'unicode' => :inserts_letters,
    'batch' => :inserts_many, 'error' => :runs_into_an_error, 'cancel' => :is_cancelled, 'pool' => :uses_a_pool,
    'metadata' => :finds_the_columns, 'proxy restart' => :survives, 'upstream restart' => :survives
  }.freeze
  SHORT = {
    'connect' => :selects, 'parameters' => :selects_a_parameter, 'large' => :sends_much, 'error' => :runs_into_an_error
  }.freeze

  # What a driver's own class says: `connect`, `rows(connection, sql, values)`, `prepared(sql)`, which gives what executes it, `code(error)`, `cancel`,
  # `ping(connection)`, and its words for a text of any length and for the error of a table that is not there.
  def initialize(text:, no_table:)
    @text = text
    @no_table = no_table
    @table = "things_#{SecureRandom.hex(4)}"
  end

  def tell(driver, setting)
    say "driver: #{driver}"
    say "setting: #{setting}"
    begin
      @database = connect
    rescue StandardError => e
      say "refused: #{e.message}"
      return
    end
    whole = given('STORY') != 'short'
    (whole ? WHOLE : SHORT).each do |step, what|
      if what == :survives
        say "now: #{step}s"
        $stdin.gets
      end
      send(what)
      say "did: #{step}"
    end
    run("drop table #{@table}") if whole
  end

  def run(sql, values = [])
    rows(@database, sql, values)
  end

  def one(sql, values = [])
    run(sql, values).first.first
  end

  def count
    one("select count(*) from #{@table}").to_i
  end

  def selects
    same('42', one('select 40 + 2'))
  end

  def creates
    run("create table #{@table} (id int primary key, name #{@text})")
  end

  def inserts
    inserted(1, 'a name')
  end

  def inserted(id, name)
    run("insert into #{@table} (id, name) values (?, ?)", [id, name])
    same(name, one("select name from #{@table} where id = ?", [id]))
  end

  def echoed(text)
    one("select cast(? as #{@text.sub('longtext', 'char')})", [text])
  end

  def selects_a_parameter
    same('a name', echoed('a name'))
  end

  def inserts_in_a_loop
    insert = prepared("insert into #{@table} (id, name) values (?, ?)")
    (101..120).each { |id| insert.call([id, "number #{id}"]) }
    same('20', one("select count(*) from #{@table} where id > 100"))
  end

  def rolls_back
    before = count
    run('begin')
    run("insert into #{@table} (id, name) values (201, 'lost')")
    run('rollback')
    same(before, count)
    run('begin')
    run("insert into #{@table} (id, name) values (202, 'kept')")
    run('commit')
    same(before + 1, count)
  end

  def sends_much
    much = 'five million ..!' * (5 << 16)
    given('STORY') == 'short' ? same(much, echoed(much)) : inserted(301, much)
  end

  def inserts_null
    inserted(401, nil)
  end

  def inserts_letters
    inserted(501, 'Grüße, 世界 🎉')
  end

  def inserts_many
    before = count
    insert_many(@table, (1001..1500).map { |id| [id, "of many #{id}"] })
    same(before + 500, count)
  end

  def failing(sql)
    run(sql)
    nil
  rescue StandardError => e
    code(e)
  end

  def runs_into_an_error
    same(@no_table, failing('select * from nowhere_at_all'))
    selects
  end

  def is_cancelled
    cancel
    selects
  end

  # Ten connections in a queue, and ten threads that take them out.
  def uses_a_pool
    pool = Queue.new
    10.times { pool << connect }
    threads = (0..9).map do |thread|
      Thread.new do
        10.times do |use|
          connection = pool.pop
          ping(connection)
          same("#{thread}#{use}", rows(connection, "select '#{thread}#{use}'").first.first)
          pool << connection
        end
      end
    end
    threads.each(&:join)
    10.times { pool.pop.close }
  end

  def finds_the_columns
    sql = 'select column_name from information_schema.columns where table_name = ? order by ordinal_position'
    same(%w[id name], run(sql, [@table]).map(&:first))
  end

  # As long-running workers do: what fails is done again, on a new connection.
  def survives
    attempts = 0
    begin
      selects
    rescue StandardError
      raise if (attempts += 1) == 50

      begin
        @database = connect
      rescue StandardError
        sleep 0.05
      end
      retry
    end
  end
end
