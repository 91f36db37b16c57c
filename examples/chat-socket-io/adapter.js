/**
 * An adapter of socket.io over a channel. With it `io.emit` and rooms reach the sockets of every worker.
 *
 *   io.adapter(betweenWorkers)
 */
import { ClusterAdapterWithHeartbeat } from 'socket.io-adapter';
import { channel } from 'tsgi-threads/channel';

class ChannelAdapter extends ClusterAdapterWithHeartbeat {
  #channel;

  constructor(namespace) {
    super(namespace, {});
    this.#channel = channel(`socket.io${namespace.name}`);
    this.#channel.subscribe((message) => this.onMessage(message));
  }

  async doPublish(message) {
    this.#channel.publish(message);
    // A packet that is not kept has no offset for a client to resume from.
    return '';
  }

  async doPublishResponse(_, response) {
    this.#channel.publish(response);
  }

  close() {
    super.close();
    this.#channel.close();
  }
}

export function betweenWorkers(namespace) {
  return new ChannelAdapter(namespace);
}
