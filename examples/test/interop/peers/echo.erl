%% Frames of Erlang's own sockets: the option {packet, N} of gen_tcp makes and reads them, not this program.
%%
%%   server PORT                      each connection: a line "packet 1|2|4|tpkt", answered "ok", then every frame reversed
%%   client PORT PACKET SEED COUNT    sends COUNT random frames and checks that each comes back reversed
-module(echo).
-export([main/1]).

main(["server", Port]) ->
    Options = [binary, {ip, {127, 0, 0, 1}}, {packet, line}, {active, false}, {nodelay, true}, {reuseaddr, true}],
    {ok, Listener} = gen_tcp:listen(list_to_integer(Port), Options),
    accept(Listener);
main(["client", Port, Packet, Seed, Count]) ->
    rand:seed(exsss, list_to_integer(Seed)),
    {Kind, Most} = kind(Packet),
    Options = [binary, {packet, Kind}, {active, false}, {nodelay, true}],
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, list_to_integer(Port), Options),
    Frames = [<<>> | [rand:bytes(rand:uniform(Most)) || _ <- lists:seq(2, list_to_integer(Count))]],
    spawn_link(fun() -> [ok = gen_tcp:send(Socket, envelope(Kind, Frame)) || Frame <- Frames] end),
    [ok = check(Socket, Kind, Frame) || Frame <- Frames],
    ok = gen_tcp:close(Socket),
    io:format("~w frames came back~n", [length(Frames)]),
    halt(0).

accept(Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Handler = spawn(fun() -> receive go -> configure(Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Handler),
    Handler ! go,
    accept(Listener).

configure(Socket) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, Line} ->
            ["packet", Packet] = string:lexemes(binary_to_list(Line), " \n"),
            {Kind, _} = kind(Packet),
            ok = gen_tcp:send(Socket, <<"ok\n">>),
            ok = inet:setopts(Socket, [{packet, Kind}]),
            echo(Socket, Kind);
        {error, closed} -> ok
    end.

echo(Socket, Kind) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, Frame} ->
            ok = gen_tcp:send(Socket, envelope(Kind, reverse(payload(Kind, Frame)))),
            echo(Socket, Kind);
        {error, closed} -> ok
    end.

check(Socket, Kind, Frame) ->
    {ok, Answer} = gen_tcp:recv(Socket, 0, 20000),
    Expected = reverse(Frame),
    Expected = payload(Kind, Answer),
    ok.

%% The option's value, and the largest frame to try.
kind("tpkt") -> {tpkt, 60000};
kind("1") -> {1, 255};
kind("2") -> {2, 65535};
kind("4") -> {4, 100000}.

%% With {packet, tpkt} the header stays on what is received and is expected on what is sent.
envelope(tpkt, Payload) -> <<3, 0, (byte_size(Payload) + 4):16, Payload/binary>>;
envelope(_, Payload) -> Payload.

payload(tpkt, <<3, 0, _:16, Payload/binary>>) -> Payload;
payload(_, Frame) -> Frame.

reverse(Bytes) -> list_to_binary(lists:reverse(binary_to_list(Bytes))).
