import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.DelimiterBasedFrameDecoder;
import io.netty.handler.codec.Delimiters;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.handler.codec.LengthFieldPrepender;
import io.netty.handler.codec.LineBasedFrameDecoder;
import io.netty.handler.codec.protobuf.ProtobufVarint32FrameDecoder;
import io.netty.handler.codec.protobuf.ProtobufVarint32LengthFieldPrepender;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Frames of Netty's own codecs. "Echo PORT": each connection sends a line "DECODER ; ENCODER", is answered "ok", and then
 * gets back, reversed, what the decoder hands out of every frame.
 *
 * <p>Decoders: field ORDER OFFSET LENGTH ADJUSTMENT STRIP, varint, nul, lines. Encoders: field ORDER LENGTH ADJUSTMENT
 * INCLUDES_ITSELF, varint.
 */
public final class Echo {
  private static final int MAX_FRAME = 1 << 20;

  public static void main(String[] arguments) {
    NioEventLoopGroup group = new NioEventLoopGroup(1);
    new ServerBootstrap()
        .group(group)
        .channel(NioServerSocketChannel.class)
        .childOption(ChannelOption.TCP_NODELAY, true)
        .childHandler(
            new ChannelInitializer<Channel>() {
              @Override
              protected void initChannel(Channel channel) {
                channel.pipeline().addLast(new LineBasedFrameDecoder(1024), new Configure());
              }
            })
        .bind("127.0.0.1", Integer.parseInt(arguments[0]))
        .syncUninterruptibly();
  }

  private static ByteOrder order(String word) {
    return word.equals("little") ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
  }

  private static ChannelHandler decoder(String[] words) {
    switch (words[0]) {
      case "varint":
        return new ProtobufVarint32FrameDecoder();
      case "nul":
        return new DelimiterBasedFrameDecoder(MAX_FRAME, Delimiters.nulDelimiter());
      case "lines":
        return new LineBasedFrameDecoder(MAX_FRAME);
      default:
        int[] numbers = new int[4];
        for (int index = 0; index < 4; index++) numbers[index] = Integer.parseInt(words[index + 2]);
        return new LengthFieldBasedFrameDecoder(
            order(words[1]), MAX_FRAME, numbers[0], numbers[1], numbers[2], numbers[3], true);
    }
  }

  private static ChannelHandler encoder(String[] words) {
    if (words[0].equals("varint")) return new ProtobufVarint32LengthFieldPrepender();
    int length = Integer.parseInt(words[2]);
    int adjustment = Integer.parseInt(words[3]);
    return new LengthFieldPrepender(order(words[1]), length, adjustment, Boolean.parseBoolean(words[4]));
  }

  private static final class Configure extends SimpleChannelInboundHandler<ByteBuf> {
    @Override
    protected void channelRead0(ChannelHandlerContext context, ByteBuf line) {
      String[] halves = line.toString(StandardCharsets.US_ASCII).split(" ; ");
      ChannelPipeline pipeline = context.pipeline();
      pipeline.writeAndFlush(Unpooled.copiedBuffer("ok\n", StandardCharsets.US_ASCII));
      pipeline.addLast(decoder(halves[0].split(" ")), encoder(halves[1].split(" ")), new Reverse());
      pipeline.remove(LineBasedFrameDecoder.class);
      pipeline.remove(this);
    }
  }

  private static final class Reverse extends SimpleChannelInboundHandler<ByteBuf> {
    @Override
    protected void channelRead0(ChannelHandlerContext context, ByteBuf frame) {
      byte[] bytes = ByteBufUtil.getBytes(frame);
      for (int from = 0, to = bytes.length - 1; from < to; from++, to--) {
        byte kept = bytes[from];
        bytes[from] = bytes[to];
        bytes[to] = kept;
      }
      context.writeAndFlush(Unpooled.wrappedBuffer(bytes));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      cause.printStackTrace();
      context.close();
    }
  }
}
