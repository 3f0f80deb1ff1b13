using System;
using System.IO;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;

// A program of the matrix: what it hears from the runner, and tells it, in lines.
abstract class App
{
    protected static readonly string Host = Heard("HOST");
    protected static readonly string Port = Heard("PORT");
    protected static readonly string User = Heard("USER");
    protected static readonly string Password = Heard("PASSWORD");
    protected static readonly string Database = Heard("NAME");
    // default, off, asks, trusting or verified
    protected static readonly string Tls = Heard("TLS");
    protected static readonly bool Whole = Heard("STORY") == "whole";

    static readonly StreamWriter Out = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true };

    static string Heard(string name) { return Environment.GetEnvironmentVariable("DB_" + name); }

    protected static void Say(string what, string text)
    {
        Out.WriteLine((what + ": " + Regex.Replace(text, @"\s+", " ")).Trim());
    }

    protected static void Did(string step) { Say("did", step); }

    protected static void Cannot(string step, string why) { Say("cannot", step + ": " + why); }

    // Says what a person reads whose connection is refused: the error, and its causes where they say more.
    protected static void Refused(Exception error)
    {
        var text = error.Message;
        for (var cause = error.InnerException; cause != null; cause = cause.InnerException)
            if (!text.Contains(cause.Message))
                text += " ---> " + cause.GetType().Name + ": " + cause.Message;
        Say("refused", text);
    }

    protected static void AwaitRestart(string whose)
    {
        Say("now", whose + " restarts");
        Console.In.ReadLine();
    }

    protected static void Check(object wanted, object seen)
    {
        if (!wanted.Equals(seen))
            throw new InvalidDataException("`" + wanted + "` was expected, and this came: `" + seen + "`");
    }

    // Tries until it works, as long as a person would.
    protected static void Insist(Action attempt)
    {
        for (var failures = 0; ; failures++)
            try
            {
                attempt();
                return;
            }
            catch (Exception) when (failures < 50)
            {
                Thread.Sleep(50);
            }
    }
}
